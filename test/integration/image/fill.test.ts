import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { run } from '../../support/cli.ts';
import { tinyImage, withChangedByte } from '../../unit/image/tiny-image.ts';
import { imageBench, isWhole } from './image-bench.ts';

const image = tinyImage({ rootBytes: 3_000_000 });
const { digest } = image.manifest;

for (const form of ['built', 'sent'] as const) {
  test(`an image directory as it was ${form}, by directory, manifest and file URL`, async (t) => {
    const bench = await imageBench(t);
    const directory = await bench.write('an image é', image[form]);
    for (const named of [
      directory,
      path.join(directory, 'manifest.json'),
      new URL(`file://${encodeURI(directory)}/manifest.json#sha256=${image.manifestSha256}`).href,
    ]) {
      const storePath = path.join(bench.folder, `store ${named.length}`);
      const { image: found, error } = await bench.locate(named, { storePath });
      t.true(found !== undefined && (await isWhole(found, image)), error?.message);
      t.deepEqual(await bench.cached(storePath), [digest]);
    }
  });
}

test('the files of an image may be links', async (t) => {
  const bench = await imageBench(t);
  const directory = await bench.write('image', image.sent);
  const linked = path.join(bench.folder, 'linked');
  await mkdir(linked);
  for (const name of image.sent.keys()) {
    await symlink(path.join(directory, name), path.join(linked, name));
  }
  const { image: found } = await bench.locate(linked);
  t.true(found !== undefined && (await isWhole(found, image)));
  t.false((await readFile(found?.rootPath ?? '')).length === 0);
});

test('a changed byte in any file of a directory is refused with the name of the file', async (t) => {
  const bench = await imageBench(t);
  for (const [name, data] of image.sent) {
    const directory = await bench.write('image', new Map([...image.sent, [name, withChangedByte(data)]]));
    const { error } = await bench.locate(directory);
    t.is(error?.code, 'image-invalid', name);
    t.true(error?.message.includes(path.join(directory, name)), `${name}: ${String(error?.message)}`);
    t.deepEqual(await bench.cached(), [], name);
  }
});

test('killed at any moment it leaves no image that is not whole, and the next one works', async (t) => {
  const bench = await imageBench(t);
  const directory = await bench.write('image', image.sent);
  let kills = 0;
  for (let at = 1; at < 100; at += 1) {
    const storePath = path.join(bench.folder, `store-${at}`);
    const killed = await bench.locate(directory, { storePath, env: { KILL_AT_EVENT: String(at) } });
    if (killed.signal !== 'SIGKILL') {
      t.is(killed.image?.digest, digest);
      break;
    }
    kills += 1;
    const names = await bench.cached(storePath);
    t.true(names.length === 0 || names[0] === digest || names[0] === `${digest}.partial`, names.join());
    const { image: found, error } = await bench.locate(directory, { storePath });
    t.true(found !== undefined && (await isWhole(found, image)), error?.message);
    t.deepEqual(await bench.cached(storePath), [digest]);
    await rm(storePath, { recursive: true });
  }
  t.true(kills >= 6, `only ${kills} moments were tried`);
});

test('four at once on an empty store: one fills it', async (t) => {
  const bench = await imageBench(t);
  const directory = await bench.write('image', image.sent);
  const found = await Promise.all(Array.from({ length: 4 }, async () => bench.locate(directory)));
  for (const one of found) {
    t.true(one.image !== undefined && (await isWhole(one.image, image)), one.error?.message);
  }
  t.is(found.filter(({ events }) => events.some(({ type }) => type === 'progress')).length, 1);
  t.deepEqual(await bench.cached(), [digest]);
});

for (const [what, size, text] of [
  ['too small', 'size=2m', /no room for the machine image/],
  ['full on the way', 'size=64m,nr_inodes=9', /ENOSPC/],
] as const) {
  test(`a disk that is ${what} is a clear error, and leaves nothing`, async (t) => {
    const bench = await imageBench(t);
    const directory = await bench.write('image', image.sent);
    const disk = path.join(bench.folder, 'disk');
    await mkdir(disk);
    const mounted =
      process.platform === 'linux' && process.getuid?.() === 0
        ? await run('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', disk])
        : undefined;
    if (mounted?.code !== 0) {
      t.log('skipped: needs root on Linux, and the right to mount a tmpfs');
      t.pass();
      return;
    }
    try {
      const storePath = path.join(disk, 'store');
      const { error } = await bench.locate(directory, { storePath });
      t.is(error?.code, 'store-write-failed');
      t.regex(error?.message ?? '', text);
      t.deepEqual(await bench.cached(storePath), []);
      await run('mount', ['-o', 'remount,size=64m,nr_inodes=1000', disk]);
      const { image: found } = await bench.locate(directory, { storePath });
      t.true(found !== undefined && (await isWhole(found, image)));
    } finally {
      await run('umount', [disk]);
    }
  });
}

test('a source that cannot be read is an error that names it', async (t) => {
  const bench = await imageBench(t);
  const directory = await bench.write('image', image.sent);
  await rm(path.join(directory, 'root.erofs.br'));
  await mkdir(path.join(directory, 'root.erofs.br'));
  const { error } = await bench.locate(directory);
  t.is(error?.code, 'image-invalid');
  t.is(error?.message, `${path.join(directory, 'root.erofs.br')} cannot be read.`);
  t.deepEqual(await bench.cached(), []);
  await writeFile(path.join(bench.folder, 'a file'), '');
  const odd = await bench.locate(path.join(bench.folder, 'a file'));
  t.is(odd.error?.code, 'image-not-found');
});
