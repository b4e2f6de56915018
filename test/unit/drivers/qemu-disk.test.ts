import test from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import type { DriverContext } from '../../../src/drivers/driver.ts';
import type { QemuConfig } from '../../../src/drivers/qemu/config.ts';
import driver from '../../../src/drivers/qemu/driver.ts';
import { createDisk, prepareDisk } from '../../../src/drivers/qemu/disk.ts';
import { magic, magicTar } from '../../../src/drivers/magic-tar.ts';
import { checkQcow2 } from '../../../src/drivers/qemu/qcow2.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';

const directory = '/home/ann/.docker/machine/machines/dev';
const disk = `${directory}/disk.qcow2`;
const mebibyte = 1024 * 1024;

/** The first bytes of a qcow2 file, version 3. */
function header(
  fields: Partial<Record<'version' | 'backing' | 'crypt' | 'features' | 'sizeBytes', number>> = {},
): Uint8Array {
  const bytes = new Uint8Array(104);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x514649fb);
  view.setUint32(4, fields.version ?? 3);
  view.setBigUint64(8, BigInt(fields.backing ?? 0));
  view.setBigUint64(24, BigInt(fields.sizeBytes ?? 64 * mebibyte));
  view.setUint32(32, fields.crypt ?? 0);
  view.setBigUint64(72, BigInt(fields.features ?? 0));
  return bytes;
}

/** A host on which qemu-img does what it does to files: convert and resize write a header. */
function makeHost(): FakeHost {
  const host = createFakeHost({ tree: { [`${directory}/guest/authorized_keys`]: 'ssh-ed25519 AAAA x\n' } });
  host.processes.answer('qemu-system-x86_64', {});
  host.processes.answer('qemu-img', ({ args }) => {
    if (args[0] === 'convert') {
      host.files.put(args.at(-1) ?? '', header({ sizeBytes: 4096 }), 0o600);
    } else if (args[0] === 'resize') {
      host.files.put(
        args.at(-2) ?? '',
        header({ sizeBytes: Number.parseInt(args.at(-1) ?? '', 10) * mebibyte }),
        0o600,
      );
    }
    return {};
  });
  return host;
}

function contextOf(host: FakeHost): DriverContext<QemuConfig> {
  const image = { kernelPath: '/i/k', initrdPath: '/i/i', rootPath: '/i/r' };
  return {
    host,
    name: 'dev',
    directory,
    config: { cpus: 2, memoryMiB: 512, diskSizeMiB: 20_000, accelerator: 'auto', program: '', enginePort: 0 },
    signal: new AbortController().signal,
    emit: () => undefined,
    save: async () => undefined,
    boot: {
      image: { ...image, digest: 'd', version: 'v', architecture: 'amd64' },
      guestFiles: [{ name: 'authorized_keys', path: `${directory}/guest/authorized_keys` }],
      shares: [],
    },
  };
}

test('the magic tar: order, names, types, and the key within the first 4096 bytes', (t) => {
  const key = `ssh-rsa ${'A'.repeat(500)} x\n`;
  const tar = magicTar(key);
  const text = (from: number, length: number): string =>
    new TextDecoder().decode(tar.subarray(from, from + length));
  t.is(text(0, 29), 'boot2docker, please format-me');
  t.is(tar[29], 0);
  t.is(text(512, 29), magic);
  t.is(text(1024, 6), '.ssh/\0');
  t.is(text(1024 + 100, 8), '0000700\0');
  t.is(text(1024 + 156, 1), '5');
  t.is(text(1536, 21), '.ssh/authorized_keys\0');
  t.is(text(1536 + 124, 12), `${key.length.toString(8).padStart(11, '0')}\0`);
  t.is(text(2048, key.length), key);
  t.is(text(2560, 22), '.ssh/authorized_keys2\0');
  t.is(tar.length % 4096, 0);
  for (const at of [0, 1024, 1536, 2560]) {
    const block = tar.slice(at, at + 512);
    const stored = Number.parseInt(new TextDecoder().decode(block.subarray(148, 154)), 8);
    t.is(
      block.fill(32, 148, 156).reduce((sum, byte) => sum + byte, 0),
      stored,
    );
  }
});

test('with a short key everything but the last end block is in the first 4096 bytes; without a key only the mark', (t) => {
  t.true(
    magicTar('ssh-ed25519 AAAA x\n')
      .subarray(3584)
      .every((byte) => byte === 0),
  );
  const bare = magicTar(undefined);
  t.is(bare.length, 4096);
  t.true(bare.subarray(1024).every((byte) => byte === 0));
});

test('keys that would be cut off are refused', (t) => {
  t.notThrows(() => magicTar('k'.repeat(2048)));
  t.throws(() => magicTar('k'.repeat(2049)), { message: /2049 bytes/ });
});

test('qcow2 headers: size, and everything that would open other files is refused', (t) => {
  t.is(checkQcow2('/d', header({ sizeBytes: 5 * mebibyte })), 5 * mebibyte);
  t.is(checkQcow2('/d', header({ version: 2 })), 64 * mebibyte);
  t.is(checkQcow2('/d', header({ features: 1 })), 64 * mebibyte, 'not closed cleanly is no reason to refuse');
  const cases: readonly (readonly [Uint8Array, RegExp])[] = [
    [header({ backing: 104 }), /refers to a backing file/],
    [header({ features: 4 }), /data is in another file/],
    [header({ features: 2 }), /marked it as corrupt/],
    [header({ crypt: 2 }), /encrypted/],
    [header({ version: 4 }), /version 4/],
    [new TextEncoder().encode('# Disk DescriptorFile'.padEnd(104)), /not in the qcow2 format/],
    [new Uint8Array(0), /not in the qcow2 format/],
    [header().subarray(0, 40), /not in the qcow2 format/],
  ];
  for (const [bytes, message] of cases) {
    const error = t.throws(() => checkQcow2('/d', bytes), { message });
    t.true(isMachineError(error) && error.code === 'disk-unsafe');
  }
});

test('the disk is made under other names and renamed when it is complete', async (t) => {
  const host = makeHost();
  const [, step] = driver.steps(contextOf(host));
  t.is(step?.name, 'disk');
  t.false(await step?.done?.());
  t.deepEqual(await step?.run(), { diskSizeMiB: 20_000 });
  t.true(await step?.done?.());
  t.deepEqual(host.processes.argumentsOf('qemu-img'), [
    ['convert', '-f', 'raw', '-O', 'qcow2', `${disk}.raw.tmp`, `${disk}.tmp`],
    ['resize', '-f', 'qcow2', `${disk}.tmp`, '20000M'],
  ]);
  t.deepEqual(
    host.files.writes.filter((write) => !write.startsWith('remove')).map((write) => write.split(' ')[0]),
    ['writeNew', 'writeNew', 'rename'],
  );
  t.deepEqual((await host.files.list(directory)).map(({ name }) => name).sort(), ['disk.qcow2', 'guest']);
});

test('a create that was cut off at any write begins again; its remains are no disk', async (t) => {
  const faults = [
    { operation: 'writeNew', nth: 1 },
    { operation: 'writeNew', nth: 2 },
    { operation: 'rename', nth: 1 },
  ] as const;
  for (const fault of faults) {
    const host = makeHost();
    host.files.inject({ code: 'ENOSPC', ...fault });
    const [, step] = driver.steps(contextOf(host));
    await t.throwsAsync(async () => step?.run());
    t.false(await step?.done?.());
    host.files.put(`${disk}.tmp`, 'half');
    host.files.put(`${disk}.raw.tmp`, 'half');
    await step?.run();
    t.true(await step?.done?.());
    await step?.undo?.();
    t.deepEqual(
      (await host.files.list(directory)).map(({ name }) => name),
      ['guest'],
    );
    await step?.undo?.();
  }
});

test('a disk that is there is never written by a create', async (t) => {
  const host = makeHost();
  host.files.put(disk, header());
  await createDisk(contextOf(host), disk);
  t.deepEqual(host.files.writes, []);
  t.deepEqual(host.processes.calls, []);
});

test('something else under the name of the disk is refused', async (t) => {
  const host = makeHost();
  host.files.putSymlink(disk, '/etc/passwd');
  await t.throwsAsync(createDisk(contextOf(host), disk), { message: /not a regular file/ });
  await t.throwsAsync(prepareDisk(contextOf(host), disk), { message: /not a regular file/ });
});

test('the disk grows when the record asks for more, and never shrinks', async (t) => {
  const host = makeHost();
  host.files.put(disk, header({ sizeBytes: 30_000 * mebibyte }));
  await prepareDisk(contextOf(host), disk);
  t.deepEqual(host.processes.argumentsOf('qemu-img'), []);
  host.files.put(disk, header({ sizeBytes: 10_000 * mebibyte }));
  await prepareDisk(contextOf(host), disk);
  t.deepEqual(host.processes.argumentsOf('qemu-img'), [['resize', '-f', 'qcow2', disk, '20000M']]);
});

test('without qemu-img the error says how to get it', async (t) => {
  const host = createFakeHost({ platform: 'darwin', arch: 'arm64' });
  const error = await t.throwsAsync(createDisk(contextOf(host), '/Users/ann/m/disk.qcow2'));
  t.true(isMachineError(error) && error.code === 'program-missing');
  t.deepEqual(isMachineError(error) ? error.remedies : [], ['Install QEMU: brew install qemu']);
});
