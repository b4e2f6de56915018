import test from 'ava';
import { makeStore } from '../../support/cli.ts';

// What the commands about baked images say before anything is asked of a cloud.

test('what cannot be is said at once', async (t) => {
  const store = await makeStore();
  t.teardown(() => store.dispose());
  const refused = async (...words: string[]): Promise<string> => {
    const { code, stderr } = await store.tsmachine(['image', ...words]);
    t.not(code, 0, words.join(' '));
    return stderr;
  };
  const ofQemu = await refused('bake', '-d', 'qemu', 'ci');
  t.regex(ofQemu, /"qemu" makes no images/);
  t.regex(ofQemu, /amazonec2/);
  for (const name of ['CI', '1ci', 'ci-', 'ami-1', 'a.b', 'x'.repeat(41)]) {
    t.regex(await refused('bake', '-d', 'amazonec2', name), /cannot be the name of an image/);
  }
  t.regex(await refused('bake', '-d', 'amazonec2'), /the name of one image/);
  t.regex(await refused('bake', '-d', 'amazonec2', 'a', 'b'), /the name of one image/);
  t.regex(await refused('baked', 'x'), /Too many arguments/);
  t.regex(await refused('rm'), /one or more names of images/);
  t.regex(await refused('rm', 'ci'), /There is no image "ci" of this store/);
  t.is((await store.tsmachine(['image', 'baked', '--json'])).stdout, '[]\n');
  t.regex((await store.tsmachine(['image', 'bake', '-d', 'amazonec2', '--help'])).stdout, /amazonec2-ami/);
});
