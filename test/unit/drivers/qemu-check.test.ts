import test from 'ava';
import type { Finding } from '../../../src/drivers/driver.ts';
import driver from '../../../src/drivers/qemu/driver.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';

function makeHost(version: string): FakeHost {
  const host = createFakeHost({ tree: { '/proc/sys/kernel/random/boot_id': 'b', '/dev/kvm': '' } });
  host.processes.answer('qemu-img', {});
  host.processes.answer('qemu-system-x86_64', ({ args }) => ({
    stdout: args.includes('help') ? 'Accelerators supported in QEMU binary:\ntcg\nkvm\n' : version,
  }));
  return host;
}

async function check(
  host: FakeHost,
  raw: Readonly<Record<string, unknown>> = {},
): Promise<readonly Finding[]> {
  const { signal } = new AbortController();
  return driver.check({ host, signal, emit: () => undefined, config: driver.readConfig(raw) });
}

function codes(findings: readonly Finding[]): string[] {
  return findings.map(({ severity, code }) => `${severity} ${code}`);
}

test('a computer that can', async (t) => {
  const findings = await check(makeHost('QEMU emulator version 7.2.22 (Debian)'));
  t.deepEqual(codes(findings), ['ok qemu', 'ok accelerator', 'ok qemu-img']);
  t.regex(findings[1]?.message ?? '', /kvm, if the test boot/);
});

test('nothing installed', async (t) => {
  const findings = await check(createFakeHost());
  t.deepEqual(codes(findings), ['error qemu-missing', 'error qemu-img-missing']);
  t.regex(findings[0]?.remedy ?? '', /apt install qemu-system-x86 qemu-utils/);
});

test('too old, and not QEMU at all', async (t) => {
  const old = await check(makeHost('QEMU emulator version 6.2.0'));
  t.is(codes(old)[0], 'error qemu-too-old');
  t.regex(old[0]?.message ?? '', /6\.2\.0 is too old; 7\.2/);
  t.is(codes(await check(makeHost('hello')))[0], 'error qemu-broken');
});

test('more than the computer has', async (t) => {
  const host = makeHost('QEMU emulator version 9.1.0');
  t.deepEqual(codes(await check(host, { CPU: 5, Memory: 8193 })).slice(3), [
    'error cpus-too-many',
    'error memory-too-much',
  ]);
  t.deepEqual(codes(await check(host, { CPU: 4, Memory: 7000 })).slice(3), ['warning memory-tight']);
});

test('an architecture without an image', async (t) => {
  t.deepEqual(codes(await check(createFakeHost({ arch: 'riscv64' }))), ['error architecture-unknown']);
});

test('QEMU outside PATH is found where its installers put it', async (t) => {
  const mac = createFakeHost({ platform: 'darwin', arch: 'arm64' });
  for (const name of ['qemu-system-aarch64', 'qemu-img']) {
    const answer = name === 'qemu-img' ? {} : { stdout: 'QEMU emulator version 9.2.0\ntcg\nhvf\n' };
    mac.processes.answer(`/opt/homebrew/bin/${name}`, answer);
  }
  t.deepEqual(codes(await check(mac)), ['ok qemu', 'ok accelerator', 'ok qemu-img']);
  t.is(mac.processes.calls[0]?.file, '/opt/homebrew/bin/qemu-system-aarch64');
});
