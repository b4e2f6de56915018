import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { withPlugin } from '../../support/go-plugin.ts';
import { tinyImage } from '../../unit/image/tiny-image.ts';

// What a plugin's virtual machines boot when nobody has said it: the ISO of our image.

test('a flag …-boot2docker-url that is empty is filled with our ISO, and one that is given is not', async (t) => {
  await withPlugin(t, async ({ tsmachine, record, store }) => {
    const directory = path.join(path.dirname(store.path), 'image');
    const iso = Buffer.from('an ISO');
    const sha256 = createHash('sha256').update(iso).digest('hex');
    const image = tinyImage({
      alter: (files) => [...files, { name: 'image.iso', size: iso.length, sha256 }],
    });
    await mkdir(directory);
    for (const [name, data] of [...image.built, ['image.iso', iso] as const]) {
      await writeFile(path.join(directory, name), data);
    }
    const key = path.join(directory, 'key');
    await writeFile(key, 'a key');
    const env = { GOPLUGIN_HOST: '127.0.0.1', GOPLUGIN_KEY: key };
    const url = pathToFileURL(path.join(directory, 'image.iso')).href;

    const created = await tsmachine(['create', '-d', 'ci-test', '--image', directory, 'a'], 'host', { env });
    t.is(created.code, 0, created.stderr);
    t.true(created.stderr.includes(`--ci-boot2docker-url ${url}`), created.stderr);
    t.is((await record('a'))['Boot2DockerURL'], url);

    const given = ['--ci-boot2docker-url', 'https://example.com/own.iso'];
    const own = await tsmachine(['create', '-d', 'ci-test', '--image', directory, ...given, 'b'], 'host', {
      env,
    });
    t.is(own.code, 0, own.stderr);
    t.is((await record('b'))['Boot2DockerURL'], 'https://example.com/own.iso');
  });
});
