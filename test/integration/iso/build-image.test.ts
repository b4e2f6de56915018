import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompressSync, constants } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { renewLock } from '../../../iso/lock-image.ts';
import { selectionsFor } from '../../../iso/packages.ts';
import { parseManifest } from '../../../src/image/manifest.ts';
import { readErofs } from '../../unit/iso/read-erofs.ts';
import { benchNowMs, buildBench, readFolder, writeTree } from './build-bench.ts';

const run = promisify(execFile);

/** Runs a program, or says that it is missing and returns undefined. */
async function tryRun(
  t: ExecutionContext,
  program: string,
  args: readonly string[],
): Promise<string | undefined> {
  try {
    return (await run(program, args)).stdout;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') {
      t.log(`skipped: needs ${program}`);
      return undefined;
    }
    throw error;
  }
}

// One after the other: the xz decoder works on one stream at a time.
test.serial('an image is built from a mirror, and its manifest tells what is in it', async (t) => {
  const bench = await buildBench(t);
  const manifest = await bench.build({ rootfsTar: true });
  const files = await readFolder(bench.output);
  t.deepEqual(
    [...files.keys()],
    [
      'initrd',
      'licences.tar',
      'manifest.json',
      'root.erofs',
      'rootfs.tar',
      'sbom.cdx.json',
      'vmlinux',
      'vmlinuz',
    ],
  );
  t.deepEqual(parseManifest(files.get('manifest.json')?.toString() ?? ''), manifest);
  for (const file of manifest.files) {
    const bytes = files.get(file.name) ?? Buffer.alloc(0);
    t.is(bytes.length, file.size, file.name);
    t.is(createHash('sha256').update(bytes).digest('hex'), file.sha256, file.name);
  }
  t.is(manifest.engineVersion, '26.1.5');
  t.is(manifest.kernelRelease, '6.12.117+deb13-amd64');
  t.is(manifest.version, '20260912-26.1.5');
  t.is(files.get('vmlinux')?.toString('latin1'), '\x7fELF kernel 6.12.117');
});

test.serial(
  'the root holds what the manifest says: packages, own files, modules, set-uid bits',
  async (t) => {
    const bench = await buildBench(t);
    const manifest = await bench.build();
    const root = readErofs(await readFile(path.join(bench.output, 'root.erofs')));
    const leaves = [...root].filter(([, { mode }]) => (mode & 0o170000) !== 0o040000);
    t.deepEqual(leaves.map(([name]) => name).sort(), manifest.tree.map((entry) => entry.path).sort());
    for (const entry of manifest.tree) {
      const found = root.get(entry.path);
      t.is(((found?.mode ?? 0) & 0o7777).toString(8).padStart(4, '0'), entry.mode, entry.path);
      const content = Buffer.from(found?.content ?? '', 'latin1');
      t.is(createHash('sha256').update(content).digest('hex'), entry.sha256, entry.path);
    }
    t.is(root.get('usr/bin/doas')?.mode, 0o104755);
    t.is(root.get('usr/lib/tsmachine/boot')?.mode, 0o100755);
    t.is(root.get('etc/shadow')?.mode, 0o100600);
    t.is(root.get('home/docker')?.uid, 1000);
    t.is(root.get('tmp')?.mode, 0o41777);
    t.is(root.get('usr/sbin/iptables')?.content, 'xtables-legacy-multi');
    const module = manifest.tree.find((entry) => entry.path.endsWith('/overlay.ko'));
    t.is(module?.package, 'linux-image-6.12.117+deb13-amd64');
    t.is(manifest.tree.find((entry) => entry.path === 'etc/passwd')?.package, 'tsmachine');
    t.false(root.has('usr/lib/x86_64-linux-gnu/xtables/libxt_connlabel.so'));
  },
);

test.serial('the ordinary readers of each format accept the files', async (t) => {
  const bench = await buildBench(t);
  await bench.build({ rootfsTar: true });
  const at = (name: string): string => path.join(bench.output, name);
  await tryRun(t, 'fsck.erofs', [at('root.erofs')]);
  const listing = await tryRun(t, 'sh', ['-c', `cpio -tv --quiet < '${at('initrd')}'`]).catch(
    (error: unknown) => {
      t.log(`skipped: needs cpio (${String(error)})`);
      return undefined;
    },
  );
  if (listing !== undefined) {
    t.regex(listing, /-rwxr-xr-x .* init$/m);
    t.regex(listing, /sbin\/modprobe -> \.\.\/bin\/busybox$/m);
    t.regex(listing, /lib\/modules\/6\.12\.117\+deb13-amd64\/modules\.dep$/m);
  }
  const tar = await tryRun(t, 'tar', ['-tvf', at('rootfs.tar')]);
  if (tar !== undefined) {
    t.regex(tar, /^-rwsr-xr-x .* usr\/bin\/doas$/m);
  }
  const licences = await tryRun(t, 'tar', ['-xOf', at('licences.tar'), 'runc/copyright']);
  t.is(licences ?? 'Copyright of runc\n', 'Copyright of runc\n');
});

test.serial('two builds are the same, byte for byte, in whatever folder', async (t) => {
  const bench = await buildBench(t);
  await bench.build({ brotliQuality: 5, rootfsTar: true });
  const first = await readFolder(bench.output);
  const elsewhere = path.join(bench.folder, 'another place');
  await bench.build({ brotliQuality: 5, rootfsTar: true, outputDir: elsewhere });
  const second = await readFolder(elsewhere);
  t.deepEqual([...second.keys()], [...first.keys()]);
  for (const [name, bytes] of first) {
    t.true(second.get(name)?.equals(bytes), name);
  }
});

test.serial('the form for sending unpacks to the file', async (t) => {
  const bench = await buildBench(t);
  const manifest = await bench.build({ brotliQuality: 4 });
  const root = manifest.files.find((file) => file.name === 'root.erofs');
  const sent = await readFile(path.join(bench.output, root?.compressed?.name ?? ''));
  t.is(root?.compressed?.size, sent.length);
  const params = { [constants.BROTLI_DECODER_PARAM_LARGE_WINDOW]: 1 };
  t.true(
    brotliDecompressSync(sent, { params }).equals(await readFile(path.join(bench.output, 'root.erofs'))),
  );
});

test.serial('arm64 is built on any computer; its kernel stays as it is and is sent compressed', async (t) => {
  const bench = await buildBench(t, 'arm64');
  const manifest = await bench.build({ brotliQuality: 4 });
  t.is(manifest.architecture, 'arm64');
  t.false(manifest.files.some((file) => file.name === 'vmlinux'));
  t.is(manifest.files.find((file) => file.name === 'vmlinuz')?.compressed?.name, 'vmlinuz.br');
  t.true(manifest.tree.some((entry) => entry.path.endsWith('/gpio_keys.ko')));
  t.false(manifest.tree.some((entry) => entry.path.endsWith('/vboxguest.ko')));
});

for (const architecture of ['amd64', 'arm64'] as const) {
  test.serial(
    `the ISO of ${architecture} is a file of the image, and what boots is the same without it`,
    async (t) => {
      const bench = await buildBench(t, architecture);
      const plain = await bench.build();
      const manifest = await bench.build({ iso: true });
      t.is(manifest.digest, plain.digest);
      const files = await readFolder(bench.output);
      t.deepEqual(
        [...files.keys()],
        [...manifest.files.map(({ name }) => name), 'manifest.json'].sort(),
        'and nothing else is left in the directory',
      );
      const listed = manifest.files.find(({ name }) => name === 'image.iso');
      const iso = files.get('image.iso') ?? Buffer.alloc(0);
      t.is(listed?.size, iso.length);
      t.is(listed?.sha256, createHash('sha256').update(iso).digest('hex'));
      t.is(iso.toString('latin1', 0x8001, 0x8006), 'CD001');
      const names = (of: typeof manifest): string[] => of.packages.map(({ name }) => name);
      const loaders = names(manifest).filter((name) => !names(plain).includes(name));
      t.deepEqual(
        loaders,
        architecture === 'amd64'
          ? ['grub-efi-amd64-signed', 'isolinux', 'shim-signed', 'syslinux-common']
          : ['grub-efi-arm64-signed', 'shim-signed'],
      );
      const sbom = files.get('sbom.cdx.json')?.toString() ?? '';
      for (const name of loaders) {
        t.true(sbom.includes(`pkg:deb/debian/${name}@`), name);
        t.true(files.get('licences.tar')?.includes(`${name}/copyright`), name);
      }
      await bench.build({ iso: true });
      t.true((await readFolder(bench.output)).get('image.iso')?.equals(iso), 'the same bytes every time');
    },
  );
}

test.serial('a lock without the loaders of the ISO makes an image, and no ISO', async (t) => {
  const bench = await buildBench(t);
  const names = selectionsFor('amd64').map(({ name }) => name);
  await renewLock({
    architecture: 'amd64',
    lockFile: bench.lockFile,
    packageNames: names,
    nowMs: benchNowMs,
    ...bench.mirror.options,
  });
  await bench.build();
  const before = await readFolder(bench.output);
  const error = await t.throwsAsync(bench.build({ iso: true }), { code: 'image-build-failed' });
  t.regex(error.message, /is not in the lock/);
  t.deepEqual(await readFolder(bench.output), before);
});

test.serial('a full package cache needs no mirror', async (t) => {
  const bench = await buildBench(t);
  const first = await bench.build();
  await bench.mirror.stop();
  const again = await bench.build({
    mirror: '',
    securityMirror: '',
    environment: {},
    aptDirectory: '/nonexistent',
  });
  t.is(again.digest, first.digest);
});

test.serial('a build that fails leaves the image as it was, and nothing else', async (t) => {
  const bench = await buildBench(t);
  await bench.build();
  const before = await readFolder(bench.output);
  const leftover = `${bench.output}.999999999.partial`;
  await mkdir(leftover, { recursive: true });
  const guestFilesDir = path.join(bench.folder, 'other');
  await writeTree(guestFilesDir, { 'initramfs/init': '#!/bin/sh\n', 'rootfs/bin/tool': 'x' });
  // A file below the link /bin has no place; the check comes after all packages were unpacked.
  await t.throwsAsync(bench.build({ guestFilesDir }), { code: 'image-build-failed' });
  t.deepEqual(await readFolder(bench.output), before);
  await bench.build();
  t.deepEqual(await readdir(path.dirname(bench.output)), ['amd64']);
});

test.serial('without the first program of the guest there is no image', async (t) => {
  const bench = await buildBench(t);
  const guestFilesDir = path.join(bench.folder, 'empty');
  const missing = await t.throwsAsync(bench.build({ guestFilesDir }), { code: 'image-build-failed' });
  t.regex(missing.message, /init/);
  await mkdir(path.join(guestFilesDir, 'initramfs'), { recursive: true });
  await writeFile(path.join(guestFilesDir, 'initramfs', 'init'), 'echo no interpreter\n');
  await t.throwsAsync(bench.build({ guestFilesDir }), { code: 'image-build-failed' });
});
