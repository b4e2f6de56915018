import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { makeStore, type TestStore } from '../../support/cli.ts';
import { tinyImage, withChangedByte, type TinyImage } from '../../unit/image/tiny-image.ts';
import { imageBench } from './image-bench.ts';

const images = [tinyImage({ mark: 'one' }), tinyImage({ mark: 'two' })] as const;

/** A store with both images in its cache, and a machine of the driver `none`. */
async function filledStore(t: ExecutionContext): Promise<TestStore> {
  const store = await makeStore();
  t.teardown(() => store.dispose());
  const bench = await imageBench(t);
  for (const [index, image] of images.entries()) {
    const directory = await bench.write(`image-${index}`, image.sent);
    const { error } = await bench.locate(directory, { storePath: store.path });
    t.is(error, undefined);
  }
  const created = await store.tsmachine(['create', '-d', 'none', '--url', 'tcp://127.0.0.1:1', 'one']);
  t.is(created.code, 0, created.stderr);
  return store;
}

function cachePath(store: TestStore, image: TinyImage, ...names: readonly string[]): string {
  return path.join(store.path, 'cache', 'images', image.manifest.digest, ...names);
}

async function pinImage(store: TestStore, digest: string): Promise<void> {
  const file = path.join(store.path, 'machines', 'one', 'tsmachine.json');
  const sidecar = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...sidecar, imageDigest: digest }));
}

test('image prune keeps what a machine uses, and says what is gone', async (t) => {
  const store = await filledStore(t);
  await pinImage(store, images[0].manifest.digest);
  await mkdir(`${cachePath(store, images[0])}.partial`);
  const pruned = await store.tsmachine(['image', 'prune']);
  t.is(pruned.code, 0, pruned.stderr);
  t.deepEqual(
    pruned.stdout.trimEnd().split('\n').sort(),
    [cachePath(store, images[1]), `${cachePath(store, images[0])}.partial`].sort(),
  );
  t.deepEqual(await readdir(path.join(store.path, 'cache', 'images')), [images[0].manifest.digest]);
  const again = await store.tsmachine(['image', 'prune', '--json']);
  t.is(again.stdout, '[]\n');
  t.is((await store.tsmachine(['ls', '-q'])).stdout, 'one\n');
});

test('doctor finds a file of a cached image that was changed and kept its size', async (t) => {
  const store = await filledStore(t);
  const before = await store.tsmachine(['doctor', '--json']);
  const codes = (text: string): string[] =>
    (JSON.parse(text) as readonly { code: string }[]).map(({ code }) => code);
  t.is(codes(before.stdout).filter((code) => code === 'image-intact').length, 2);
  const file = cachePath(store, images[1], 'root.erofs');
  await chmod(file, 0o600);
  await writeFile(file, withChangedByte(await readFile(file)));
  await chmod(cachePath(store, images[0], 'manifest.json'), 0o600);
  await writeFile(cachePath(store, images[0], 'manifest.json'), '{}');
  const after = await store.tsmachine(['doctor', '--json']);
  t.is(after.code, 1);
  const found = (JSON.parse(after.stdout) as readonly { code: string; message: string }[]).filter(
    ({ code }) => code === 'image-changed',
  );
  t.deepEqual(found.map(({ message }) => message.includes(file)).sort(), [false, true]);
  t.true(found.some(({ message }) => message.includes(cachePath(store, images[0], 'manifest.json'))));
});

test('image ls lists what is in the cache', async (t) => {
  const store = await filledStore(t);
  const { code, stdout } = await store.tsmachine(['image', 'ls', '--json']);
  t.is(code, 0);
  const digests = (JSON.parse(stdout) as readonly { digest: string }[]).map(({ digest }) => digest);
  for (const { manifest } of images) {
    t.true(digests.includes(manifest.digest));
  }
});
