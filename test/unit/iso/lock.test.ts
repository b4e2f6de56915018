import { loaderSelectionsFor } from '../../../iso/bootable/loader-packages.ts';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { formatLock, readLock, type Lock } from '../../../iso/build/lock.ts';
import { defaultLockFile } from '../../../iso/lock-image.ts';
import { architectures, selectionsFor } from '../../../iso/packages.ts';

const lock: Lock = {
  schema: 1,
  architecture: 'amd64',
  sources: [],
  kernel: { metaPackage: 'linux-image-amd64', package: 'linux-image-1' },
  sourceDateEpoch: 1_700_000_000,
  packages: [
    {
      name: 'runc',
      version: '1.1.15',
      architecture: 'amd64',
      archive: 'main',
      filename: 'pool/main/r/runc/runc_1.1.15_amd64.deb',
      sizeBytes: 10,
      sha256: 'b'.repeat(64),
      source: 'runc',
      sourceVersion: '1.1.15',
    },
  ],
};

async function lockFile(t: ExecutionContext, text: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tsmachine-lock-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'amd64.json');
  await writeFile(file, text);
  return file;
}

test('what is written is read', async (t) => {
  const { lock: read } = await readLock(await lockFile(t, formatLock(lock)));
  t.deepEqual(read, lock);
});

test('any changed, added or missing byte is refused, and the file is named', async (t) => {
  const text = formatLock(lock);
  const changed = [
    ...Array.from({ length: text.length }, (_, at) => at)
      .filter((at) => at % 23 === 0)
      .map((at) => `${text.slice(0, at)}${text[at] === '1' ? '2' : '1'}${text.slice(at + 1)}`),
    `${text}\n`,
    text.slice(0, -1),
    text.replace('main', 'security'),
    text.replaceAll('  ', ' '),
    '',
    '[]',
    'null',
  ];
  for (const one of changed) {
    const file = await lockFile(t, one);
    const error = await t.throwsAsync(readLock(file), { code: 'checksum-mismatch' }, one);
    t.true(error.message.includes(file));
  }
});

test('a lock whose sum is right and whose content is not ours is refused', async (t) => {
  const [one] = lock.packages;
  const hostile = [
    { ...lock, schema: 2 },
    { ...lock, architecture: 'vax' },
    { ...lock, packages: [{ ...one, filename: 'pool/../../etc/passwd.deb' }] },
  ];
  for (const value of hostile) {
    const file = await lockFile(t, formatLock(value as Lock));
    await t.throwsAsync(readLock(file), { code: 'checksum-mismatch' });
  }
});

test('a missing lock says how to make one', async (t) => {
  await t.throwsAsync(readLock('/nonexistent/riscv64.json'), { code: 'image-build-failed' });
});

test('the locks that come with tsmachine hold every package of the image and of its ISO', async (t) => {
  for (const architecture of architectures) {
    const { lock: own } = await readLock(defaultLockFile(architecture));
    const names = own.packages.map((one) => one.name);
    const selections = [...selectionsFor(architecture), ...loaderSelectionsFor(architecture)];
    const wanted = [...selections.map((one) => one.name), own.kernel.package];
    t.deepEqual([...names].sort(), wanted.sort());
    t.true(own.packages.every((one) => [architecture, 'all'].includes(one.architecture)));
  }
});
