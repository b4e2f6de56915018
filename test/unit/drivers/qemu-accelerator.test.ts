import test from 'ava';
import { MachineError } from '../../../src/core/errors.ts';
import type { BootImage } from '../../../src/drivers/driver.ts';
import {
  candidateOf,
  decideAccelerator,
  type AcceleratorDecision,
} from '../../../src/drivers/accelerator.ts';
import { forgetVerdicts } from '../../../src/drivers/accelerator-cache.ts';
import type { AcceleratorChoice } from '../../../src/drivers/qemu-board.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';
import type { Answer } from '../../fakes/scripted-processes.ts';

const program = '/usr/bin/qemu-system-x86_64';
const cacheFile = '/home/ann/.cache/tsmachine/accelerator.json';
const image: BootImage = {
  digest: 'd',
  version: 'v',
  architecture: 'amd64',
  kernelPath: '/i/vmlinux',
  initrdPath: '/i/initrd',
  rootPath: '/i/root',
};

/** A Linux host with /dev/kvm on which a boot does what the test says. */
function makeHost(boot: Answer, tree: Readonly<Record<string, string>> = { '/dev/kvm': '' }): FakeHost {
  const host = createFakeHost({
    tree: { '/proc/sys/kernel/random/boot_id': 'boot-1\n', [program]: 'elf', ...tree },
  });
  host.processes.answer('qemu-system-x86_64', (call) =>
    call.args.includes('help')
      ? { stdout: 'Accelerators supported in QEMU binary:\ntcg\nkvm\n' }
      : boot(call),
  );
  return host;
}

async function decide(host: FakeHost, choice: AcceleratorChoice = 'auto'): Promise<AcceleratorDecision> {
  return decideAccelerator(host, { program, choice, architecture: 'amd64', image });
}

function timedOut(host: FakeHost, stdout: string): Answer {
  return () => {
    host.clock.advance(5000);
    return new MachineError('program-failed', 'timed out', { facts: { exitCode: 0, stdout, stderr: '' } });
  };
}

test('an accelerator with which a kernel speaks is taken, and asked only once per boot and QEMU', async (t) => {
  const host = makeHost(() => ({ stdout: '\u001bcTS 0.21 init\r\nTS 0.22 probe\r\n' }));
  t.deepEqual(await decide(host), { accelerator: 'kvm', isFresh: true });
  const { length } = host.processes.calls;
  t.deepEqual(await decide(host), { accelerator: 'kvm', isFresh: false });
  t.is(host.processes.calls.length, length);
  host.files.put('/proc/sys/kernel/random/boot_id', 'boot-2\n');
  t.like(await decide(host), { isFresh: true });
  host.files.put(program, 'another elf');
  t.like(await decide(host), { isFresh: true });
});

test('firmware that runs while the kernel crashes is no acceleration', async (t) => {
  const host = makeHost(() => ({ stdout: 'SeaBIOS (version 1.16.2)\r\nBooting from ROM..\r\n' }));
  t.deepEqual(await decide(host), {
    accelerator: 'tcg',
    reason: 'A test boot with kvm failed: the kernel crashed at once',
    isFresh: true,
  });
});

test('QEMU that aborts: its own words are the reason, warnings are not', async (t) => {
  const stderr =
    'qemu-system-x86_64: warning: no hpet\nqemu-system-x86_64: error: failed to set MSR 0x10a to 0x69\n';
  const host = makeHost(
    () => new MachineError('program-failed', 'SIGABRT', { facts: { stdout: '', stderr } }),
  );
  t.like(await decide(host), {
    reason: 'A test boot with kvm failed: error: failed to set MSR 0x10a to 0x69',
  });
  t.like(await decide(host), { accelerator: 'tcg', isFresh: false });
});

test('a kernel that is silent for five seconds is no acceleration; one that was slow but spoke is', async (t) => {
  const silent: FakeHost = makeHost((call) => timedOut(silent, 'SeaBIOS')(call));
  const decision = await decide(silent);
  t.is(decision.accelerator, 'tcg');
  t.regex(decision.reason ?? '', /no sign of life in 5 s/);
  t.is(silent.processes.calls.at(-1)?.options.timeoutMs, 5000);
  const slow: FakeHost = makeHost((call) => timedOut(slow, 'TS 4.9 init\n')(call));
  t.like(await decide(slow), { accelerator: 'kvm' });
});

test('no permission: the remedy names the group', async (t) => {
  const stderr =
    'Could not access KVM kernel module: Permission denied\nqemu-system-x86_64: failed to initialize kvm\n';
  const decision = await decide(makeHost(() => ({ exitCode: 1, stderr })));
  t.is(decision.accelerator, 'tcg');
  t.regex(decision.remedy ?? '', /usermod -aG kvm/);
});

test('without the device nothing is booted, and the answer is not kept', async (t) => {
  const host = makeHost(() => ({}), {});
  const decision = await decide(host);
  t.regex(decision.reason ?? '', /no \/dev\/kvm/);
  t.regex(decision.remedy ?? '', /firmware/);
  t.deepEqual(host.processes.calls, []);
  t.is(host.files.text(cacheFile), undefined);
});

test('a QEMU without the accelerator', async (t) => {
  const host = makeHost(() => ({}));
  host.processes.answer('qemu-system-x86_64', { stdout: 'Accelerators supported in QEMU binary:\ntcg\n' });
  t.like(await decide(host), { accelerator: 'tcg', reason: 'This QEMU was built without kvm.' });
});

test('what the user asks for is taken without a probe', async (t) => {
  const host = makeHost(() => ({}));
  t.deepEqual(await decide(host, 'kvm'), { accelerator: 'kvm', isFresh: false });
  t.deepEqual(await decide(host, 'tcg'), { accelerator: 'tcg', isFresh: false });
  t.deepEqual(host.processes.calls, []);
});

test('without an image nothing is booted, and the answer is marked', async (t) => {
  const host = makeHost(() => ({}));
  const question = { program, choice: 'auto', architecture: 'amd64' } as const;
  t.like(await decideAccelerator(host, question), { accelerator: 'kvm', isUnproven: true });
  t.is(host.processes.calls.length, 1);
});

test('guests of another architecture are emulated', async (t) => {
  const host = makeHost(() => ({}));
  const decision = await decideAccelerator(host, { program, choice: 'auto', architecture: 'arm64', image });
  t.like(decision, { accelerator: 'tcg' });
  t.regex(decision.reason ?? '', /cannot run arm64 guests/);
});

test('candidates by platform', (t) => {
  const of = (platform: NodeJS.Platform): string | undefined =>
    candidateOf(createFakeHost({ platform }), 'amd64');
  t.deepEqual(
    ['linux', 'darwin', 'win32', 'netbsd', 'freebsd'].map((name) => of(name as NodeJS.Platform)),
    ['kvm', 'hvf', 'whpx', 'nvmm', undefined],
  );
});

test('a cache that is broken, or cannot be written, only costs another probe', async (t) => {
  const host = makeHost(() => ({ stdout: 'TS 1 init\n' }), {
    '/dev/kvm': '',
    [cacheFile]: '[{"works":"yes"},null,{"works":true',
  });
  t.like(await decide(host), { accelerator: 'kvm', isFresh: true });
  const full = makeHost(() => ({ stdout: 'TS 1 init\n' }));
  full.files.writeAtomic = async () => Promise.reject(new MachineError('store-write-failed', 'full'));
  t.like(await decide(full), { accelerator: 'kvm', isFresh: true });
});

test('a system that does not tell its boot gets another probe each time', async (t) => {
  const host = makeHost(() => ({ stdout: 'TS 1 init\n' }));
  await host.files.remove('/proc/sys/kernel/random/boot_id');
  t.like(await decide(host), { accelerator: 'kvm', isFresh: true });
  t.like(await decide(host), { accelerator: 'kvm', isFresh: true });
});

test('a verdict is forgotten when a machine did not start with it', async (t) => {
  const host = makeHost(() => ({ stdout: 'TS 1 init\n' }));
  await decide(host);
  await forgetVerdicts(host, 'kvm');
  t.like(await decide(host), { isFresh: true });
});

test('an interrupted probe is no verdict', async (t) => {
  const abort = new AbortController();
  const host = makeHost(() => {
    abort.abort(new Error('interrupted'));
    return new MachineError('program-failed', 'killed', { facts: {} });
  });
  const question = { program, choice: 'auto', architecture: 'amd64', image, signal: abort.signal } as const;
  await t.throwsAsync(decideAccelerator(host, question), { message: 'interrupted' });
  t.is(host.files.text(cacheFile), undefined);
});
