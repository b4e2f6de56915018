import { mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { assembleIso } from '../../../iso/bootable/assemble-iso.ts';
import { compressInitrd, compressRoot } from '../../../iso/bootable/iso-parts.ts';
import { writeImage } from '../../../iso/bootable/write-image.ts';
import { fatImage } from '../../../iso/formats/fat.ts';
import { readIso9660 } from '../../unit/iso/read-iso9660.ts';
import { bytes, epoch, isoBench, rootTree, tryTool, withMount } from './iso-bench.ts';

const ignore = (): void => undefined;

test.serial('the compressed root has the same tree, for Linux and for unsquashfs', async (t) => {
  const { folder, options } = await isoBench(t);
  const squashfs = path.join(folder, 'root.sqfs');
  const compress = {
    erofsPath: options.rootPath,
    outputPath: squashfs,
    sourceDateEpoch: epoch,
    emit: ignore,
  };
  await compressRoot(compress);
  const once = await readFile(squashfs);
  await compressRoot(compress);
  t.true((await readFile(squashfs)).equals(once), 'threads change nothing');
  const check = async (place: string): Promise<void> => {
    for (const entry of rootTree) {
      const at = path.join(place, entry.path);
      if (entry.kind === 'file') {
        t.true((await readFile(at)).equals(entry.data), entry.path);
        t.is((await stat(at)).mode & 0o7777, entry.mode, entry.path);
      }
    }
    t.deepEqual((await readdir(path.join(place, 'usr'))).sort(), ['doas', 'engine', 'sh']);
  };
  await withMount(t, squashfs, 'squashfs', async (mountPoint) => {
    await check(mountPoint);
    const home = await stat(path.join(mountPoint, 'home'));
    t.deepEqual([home.uid, home.gid, home.mode & 0o7777], [1000, 1000, 0o750]);
  });
  const unpacked = path.join(folder, 'unpacked');
  if ((await tryTool(t, 'unsquashfs', ['-q', '-n', '-d', unpacked, squashfs])) !== undefined) {
    await check(unpacked);
  }
  const { nodes } = readIso9660(await readFile((await assembleIso({ ...options, rootPath: squashfs })).path));
  t.true(nodes.get('/root.sqfs')?.data.equals(once));
});

test('zstd unpacks the compressed initramfs; what is compressed stays as it is', async (t) => {
  const { folder, options } = await isoBench(t);
  const packed = path.join(folder, 'initrd.zst');
  await compressInitrd(options.initrdPath, packed);
  const unpacked = path.join(folder, 'initrd.unpacked');
  if ((await tryTool(t, 'zstd', ['-q', '-d', packed, '-o', unpacked])) !== undefined) {
    t.true((await readFile(unpacked)).equals(await readFile(options.initrdPath)));
  }
  await compressInitrd(packed, `${packed}.again`);
  t.true((await readFile(`${packed}.again`)).equals(await readFile(packed)));
});

test('a file that changes meanwhile stops the writing and leaves nothing behind', async (t) => {
  const { folder, options } = await isoBench(t);
  const before = await readFile(options.outputPath);
  const { size } = await stat(options.rootPath);
  const layout = {
    sizeBytes: 2 * size,
    parts: [{ offsetBytes: 0, content: { filePath: options.rootPath, sizeBytes: size } }],
    extents: new Map(),
  };
  for (const length of [size - 1, size + 1]) {
    await truncate(options.rootPath, length);
    await t.throwsAsync(
      writeImage(layout, options.outputPath),
      { code: 'image-build-failed' },
      String(length),
    );
  }
  t.true((await readFile(options.outputPath)).equals(before));
  t.false((await readdir(folder)).some((name) => name.endsWith('.partial')));
});

test('a FAT16 image with many folders passes fsck.fat', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'tsmachine-fat-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const files = Array.from({ length: 400 }, (_, i) => ({
    path: `D${i % 20}/E${i % 7}/F${i}.BIN`,
    bytes: bytes(i * 120, i + 1),
  }));
  const file = path.join(folder, 'fat16.img');
  await writeFile(
    file,
    fatImage({ files, label: 'X', sourceDateEpoch: epoch, idSeed: '', freeBytes: 20_000_000 }),
  );
  const check = await tryTool(t, 'fsck.fat', ['-n', '-v', file]);
  if (check !== undefined) {
    t.notRegex(check, /(differ|wrong|bad|error|free cluster summary)/i);
    t.regex(check, /561 files/);
  }
  t.pass();
});
