import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { assembleIso, type AssembleIsoOptions } from '../../../iso/bootable/assemble-iso.ts';
import { readIso9660 } from '../../unit/iso/read-iso9660.ts';
import { bytes, epoch, isoBench, loaders, tryTool, withMount } from './iso-bench.ts';

const isoFiles = [
  'boot/efi.img',
  'boot/grub/grub.cfg',
  'boot/initrd.img',
  'boot/vmlinuz',
  'boot/vmlinuz64',
  'isolinux/boot.cat',
  'isolinux/isolinux.bin',
  'isolinux/isolinux.cfg',
  'isolinux/ldlinux.c32',
  'root.erofs',
  '.disk/info',
];

/** Compares what a tool has extracted with the parts that went in. */
async function checkExtracted(
  t: ExecutionContext,
  extracted: string,
  options: AssembleIsoOptions,
): Promise<void> {
  const same = async (name: string, original: Uint8Array): Promise<void> => {
    t.true((await readFile(path.join(extracted, name))).equals(original), name);
  };
  for (const name of isoFiles) {
    t.true((await stat(path.join(extracted, name))).isFile(), name);
  }
  const kernel = await readFile(options.vmlinuzPath);
  await same('boot/vmlinuz', kernel);
  await same('boot/vmlinuz64', kernel);
  await same('boot/initrd.img', await readFile(options.initrdPath));
  await same('root.erofs', await readFile(options.rootPath));
  await same('isolinux/ldlinux.c32', loaders.bios?.ldlinux ?? Buffer.alloc(0));
}

test('the same parts give the same ISO, in which the kernel is stored once', async (t) => {
  const { options } = await isoBench(t);
  const first = await readFile(options.outputPath);
  await assembleIso(options);
  t.true((await readFile(options.outputPath)).equals(first));
  const { nodes, volumeId } = readIso9660(first);
  t.is(volumeId, 'b2d-v26.1.5');
  t.is(nodes.get('/boot/vmlinuz64')?.lba, nodes.get('/boot/vmlinuz')?.lba);
  // docker-machine reads the version here: 32 characters, from the first "-v" on.
  t.is(first.toString('latin1', 0x8028, 0x8028 + 32).trim(), 'b2d-v26.1.5');
  for (const config of ['/isolinux/isolinux.cfg', '/boot/grub/grub.cfg']) {
    t.regex(nodes.get(config)?.data.toString() ?? '', /console=tty0 console=ttyS0 quiet panic=-1$/m);
  }
});

test('xorriso finds both boot entries and the partitions', async (t) => {
  const { options } = await isoBench(t);
  const report = await tryTool(t, 'xorriso', [
    ...['-indev', options.outputPath],
    ...['-report_el_torito', 'plain', '-report_system_area', 'plain'],
  ]);
  if (report !== undefined) {
    t.regex(report, /El Torito boot img : +1 +BIOS +y +none +0x0000 +0x00 +4 /);
    t.regex(report, /El Torito boot img : +2 +UEFI +y +none/);
    t.regex(report, /El Torito img opts : +1 +boot-info-table/);
    t.regex(report, /El Torito img path : +2 +\/boot\/efi\.img/);
    t.regex(report, /MBR partition +: +1 +0x80 +0x00 +0 /);
    t.regex(report, /MBR partition +: +2 +0x00 +0xef/);
    t.regex(report, /GPT partition path : +2 +\/boot\/efi\.img/);
    t.notRegex(report, /(SORRY|FAILURE|FATAL)/);
  }
  t.pass();
});

test('xorriso extracts what went in', async (t) => {
  const { folder, options } = await isoBench(t);
  const extracted = path.join(folder, 'extracted');
  const args = ['-osirrox', 'on', '-indev', options.outputPath, '-extract', '/', extracted];
  if ((await tryTool(t, 'xorriso', args)) !== undefined) {
    await checkExtracted(t, extracted, options);
  }
  t.pass();
});

test('7z extracts what went in and has nothing to complain of but the padding', async (t) => {
  const { folder, options } = await isoBench(t);
  const extracted = path.join(folder, 'extracted');
  const report = await tryTool(t, '7z', ['x', '-y', `-o${extracted}`, options.outputPath]);
  if (report !== undefined) {
    t.regex(report, /Everything is Ok/);
    t.notRegex(report, /ERROR/);
    await checkExtracted(t, extracted, options);
  }
  t.pass();
});

test('isoinfo reads names, modes and links', async (t) => {
  const { options } = await isoBench(t);
  const listing = await tryTool(t, 'isoinfo', ['-R', '-l', '-i', options.outputPath]);
  if (listing !== undefined) {
    t.regex(listing, /-rw-r--r-- +2 +0 +0 +1000000 .* vmlinuz64/);
    t.regex(listing, /drwxr-xr-x +3 +0 +0 .* boot/);
    const plain = await tryTool(t, 'isoinfo', ['-f', '-i', options.outputPath]);
    t.regex(plain ?? '', /\/ISOLINUX\/ISOLINUX\.CFG;1/);
  }
  t.pass();
});

test('sfdisk reads the partition table', async (t) => {
  const { options } = await isoBench(t);
  const dump = await tryTool(t, 'sfdisk', ['--dump', options.outputPath]);
  if (dump !== undefined) {
    t.regex(dump, /label: dos/);
    t.regex(dump, /2 : start= *\d+, size= *\d+, type=ef/);
  }
  t.pass();
});

test('fsck.fat has nothing to mend in the EFI partition, and mtools read it', async (t) => {
  const { folder, options } = await isoBench(t);
  const image = await readFile(options.outputPath);
  const file = path.join(folder, 'efi.img');
  await writeFile(file, readIso9660(image).nodes.get('/boot/efi.img')?.data ?? Buffer.alloc(0));
  const check = await tryTool(t, 'fsck.fat', ['-n', '-v', file]);
  if (check !== undefined) {
    t.notRegex(check, /(differ|wrong|bad|error|free cluster summary)/i);
  }
  const copy = path.join(folder, 'BOOTX64.EFI');
  if ((await tryTool(t, 'mcopy', ['-i', file, '::EFI/BOOT/BOOTX64.EFI', copy])) !== undefined) {
    t.true((await readFile(copy)).equals(loaders.shim));
  }
  t.pass();
});

test('an ISO for arm64 boots by UEFI alone', async (t) => {
  const { options } = await isoBench(t, { architecture: 'arm64', loaders: { ...loaders, bios: undefined } });
  const { nodes } = readIso9660(await readFile(options.outputPath));
  t.false(nodes.has('/isolinux'));
  t.true(nodes.has('/boot/boot.cat'));
  t.regex(nodes.get('/boot/grub/grub.cfg')?.data.toString() ?? '', /console=ttyAMA0/);
  const report = await tryTool(t, 'xorriso', ['-indev', options.outputPath, '-report_el_torito', 'plain']);
  if (report !== undefined) {
    t.regex(report, /El Torito boot img : +1 +UEFI +y +none/);
  }
});

test.serial('Linux mounts the ISO with its long names', async (t) => {
  const { options } = await isoBench(t);
  await withMount(t, options.outputPath, 'iso9660', async (mountPoint) => {
    await checkExtracted(t, mountPoint, options);
    t.is((await stat(path.join(mountPoint, 'root.erofs'))).mtimeMs, epoch * 1000);
  });
  t.pass();
});

test('a root of an unknown kind is refused', async (t) => {
  const { options } = await isoBench(t);
  await writeFile(options.rootPath, bytes(5000, 3));
  await t.throwsAsync(assembleIso(options), { code: 'image-build-failed', message: /root\.erofs/ });
});
