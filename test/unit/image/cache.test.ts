import test from 'ava';
import { MachineError } from '../../../src/core/errors.ts';
import { changedFiles, ensureCached } from '../../../src/image/cache.ts';
import { readImageDirectory } from '../../../src/image/sources.ts';
import { imageHost, type ImageHost } from './image-host.ts';
import { tinyImage, withChangedByte, type TinyImage } from './tiny-image.ts';

const directory = '/image';

async function bring(
  { host, options }: ImageHost,
  signal = options.signal,
): Promise<Awaited<ReturnType<typeof ensureCached>>> {
  return ensureCached(host, await readImageDirectory(host, directory, 'option'), { ...options, signal });
}

function cachedPath(image: TinyImage, name: string): string {
  return `/store/cache/images/${image.manifest.digest}/${name}`;
}

for (const architecture of ['amd64', 'arm64'] as const) {
  for (const form of ['built', 'sent'] as const) {
    test(`an image of ${architecture} is brought into the cache as it was ${form}`, async (t) => {
      const world = imageHost();
      const image = tinyImage({ architecture });
      world.put(directory, image[form]);
      const boot = await bring(world);
      for (const [name, data] of image.boot) {
        const path = cachedPath(image, name);
        t.deepEqual(Buffer.from(await world.host.files.readBytes(path)), data, name);
        t.is((await world.host.files.stat(path))?.mode, 0o400, name);
      }
      t.is(world.host.files.text(cachedPath(image, 'manifest.json')), image.manifestText);
      t.deepEqual(await world.cached(), [image.manifest.digest]);
      t.deepEqual(boot, {
        digest: image.manifest.digest,
        version: '20261118-26.1.5',
        architecture,
        kernelPath: cachedPath(image, architecture === 'amd64' ? 'vmlinux' : 'vmlinuz'),
        initrdPath: cachedPath(image, 'initrd'),
        rootPath: cachedPath(image, 'root.erofs'),
      });
    });
  }
}

for (const form of ['built', 'sent'] as const) {
  test(`a changed byte in any file of an image as it was ${form} is refused, and the file is named`, async (t) => {
    const image = tinyImage();
    const used = [...image[form].keys()].filter((name) => form === 'sent' || !name.endsWith('.br'));
    t.true(used.length >= 4);
    for (const name of used) {
      const world = imageHost();
      const data = image[form].get(name) ?? Buffer.alloc(0);
      world.put(directory, new Map([...image[form], [name, withChangedByte(data)]]));
      const error = await t.throwsAsync(
        bring(world),
        { instanceOf: MachineError, code: 'image-invalid' },
        name,
      );
      t.true(error.message.includes(`${directory}/${name}`), `${name}: ${error.message}`);
      t.deepEqual(await world.cached(), [], name);
    }
  });
}

test('a file that is missing, cut or longer is refused, and named', async (t) => {
  const image = tinyImage();
  const root = image.built.get('root.erofs') ?? Buffer.alloc(0);
  const cases: Record<string, Map<string, Buffer>> = {
    cut: new Map([...image.built, ['root.erofs', root.subarray(0, -1)]]),
    longer: new Map([...image.built, ['root.erofs', Buffer.concat([root, Buffer.from('x')])]]),
    missing: new Map([...image.sent].filter(([name]) => name !== 'root.erofs.br')),
  };
  for (const [name, files] of Object.entries(cases)) {
    const world = imageHost();
    world.put(directory, files);
    const error = await t.throwsAsync(bring(world), { code: 'image-invalid' }, name);
    t.regex(error.message, /\/image\/root\.erofs/, name);
    t.deepEqual(await world.cached(), [], name);
  }
});

test('a kernel that unpacks to something else than the manifest says is refused', async (t) => {
  const image = tinyImage({
    alter: (files) =>
      files.map((file) => (file.name === 'vmlinux' ? { ...file, sha256: 'a'.repeat(64) } : file)),
  });
  const world = imageHost();
  world.put(directory, image.sent);
  const error = await t.throwsAsync(bring(world), { code: 'image-invalid' });
  t.regex(error.message, /What \/image\/vmlinuz unpacks to/);
});

test('how far it is is told, from nothing to all', async (t) => {
  const world = imageHost();
  const image = tinyImage();
  world.put(directory, image.sent);
  await bring(world);
  const total = [...image.boot.values()].reduce((sum, { length }) => sum + length, 0);
  const progress = world.events.flatMap((event) => (event.type === 'progress' ? [event] : []));
  t.is(progress[0]?.done, 0);
  t.true(progress.every((event) => event.total === total));
  const done = progress.map((event) => event.done);
  t.deepEqual(
    done,
    [...done].sort((a, b) => a - b),
  );
  t.is(done.at(-1), total);
});

test('an image that is in the cache is used without its source and without a write', async (t) => {
  const world = imageHost();
  const image = tinyImage();
  world.put(directory, image.built);
  const source = await readImageDirectory(world.host, directory, 'option');
  const first = await ensureCached(world.host, source, world.options);
  await world.host.files.remove(directory);
  const before = world.host.files.writes.length;
  t.deepEqual(await ensureCached(world.host, source, world.options), first);
  t.is(world.host.files.writes.length, before);
});

test('a cached file of another size is noticed at use and brought again from the source', async (t) => {
  const world = imageHost();
  const image = tinyImage();
  world.put(directory, image.built);
  await bring(world);
  world.host.files.put(cachedPath(image, 'initrd'), 'short');
  const boot = await bring(world);
  t.deepEqual(Buffer.from(await world.host.files.readBytes(boot.initrdPath)), image.boot.get('initrd'));
  world.host.files.put(cachedPath(image, 'initrd'), 'short');
  const source = await readImageDirectory(world.host, cachedPath(image, '.'), 'cache');
  const error = await t.throwsAsync(ensureCached(world.host, source, world.options), {
    instanceOf: MachineError,
    code: 'image-invalid',
  });
  t.regex(error.why ?? '', /initrd has 5 bytes instead of \d+/);
});

test('a cached file that keeps its size is found by its hash', async (t) => {
  const world = imageHost();
  const image = tinyImage();
  world.put(directory, image.built);
  await bring(world);
  const at = cachedPath(image, '.');
  t.deepEqual(await changedFiles(world.host, at, image.manifest), []);
  const root = image.boot.get('root.erofs') ?? Buffer.alloc(0);
  world.host.files.put(cachedPath(image, 'root.erofs'), withChangedByte(root));
  await world.host.files.remove(cachedPath(image, 'vmlinux'));
  t.deepEqual(await changedFiles(world.host, at, image.manifest), ['vmlinux', 'root.erofs']);
});

test('a disk without room is refused before anything is copied', async (t) => {
  const world = imageHost();
  world.put(directory, tinyImage().built);
  world.host.files.freeSpaceBytes = 1000;
  const error = await t.throwsAsync(bring(world), { instanceOf: MachineError, code: 'store-write-failed' });
  t.regex(error.message, /no room for the machine image/);
  t.regex(error.why ?? '', /It needs 1 MiB in .*, and 0 MiB are free/);
  t.deepEqual(await world.cached(), []);
});

test('a disk that fills up on the way leaves nothing behind, and the next try works', async (t) => {
  const world = imageHost();
  const image = tinyImage();
  world.put(directory, image.sent);
  world.host.files.inject({ code: 'ENOSPC', operation: 'unpackBrotli', nth: 2 });
  const error = await t.throwsAsync(bring(world), { instanceOf: MachineError, code: 'store-write-failed' });
  t.regex(error.message, /ENOSPC/);
  t.deepEqual(await world.cached(), []);
  await bring(world);
  t.deepEqual(await world.cached(), [image.manifest.digest]);
});

test('what a killed process left is replaced', async (t) => {
  const world = imageHost();
  const image = tinyImage();
  world.put(directory, image.built);
  world.put(
    `/store/cache/images/${image.manifest.digest}.partial`,
    new Map([['vmlinuz', Buffer.from('half')]]),
  );
  await bring(world);
  t.deepEqual(await world.cached(), [image.manifest.digest]);
});

test('an interrupt ends it and leaves nothing', async (t) => {
  const world = imageHost();
  world.put(directory, tinyImage().built);
  const abort = new AbortController();
  abort.abort(new MachineError('interrupted', 'Interrupted.'));
  await t.throwsAsync(bring(world, abort.signal), { code: 'interrupted' });
  t.deepEqual(await world.cached(), []);
});

test('an image that changes while it is read is refused', async (t) => {
  const world = imageHost();
  const image = tinyImage();
  world.put(directory, image.built);
  const source = await readImageDirectory(world.host, directory, 'option');
  world.host.files.put(`${directory}/manifest.json`, tinyImage({ mark: 'two' }).manifestText);
  const error = await t.throwsAsync(ensureCached(world.host, source, world.options), {
    code: 'image-invalid',
  });
  t.regex(error.message, /changed while it was read/);
  t.deepEqual(await world.cached(), []);
});
