import test from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import type { MachineEvent } from '../../../src/core/events.ts';
import type { DriverContext } from '../../../src/drivers/driver.ts';
import driver from '../../../src/drivers/qemu/driver.ts';
import { installFakeQemu, type FakeQemu } from '../../fakes/fake-qemu.ts';
import { createFakeHost, type FakeHost, type FakeHostOptions } from '../../fakes/host.ts';

const directory = '/home/ann/.docker/machine/machines/dev';

interface Scene {
  readonly host: FakeHost;
  readonly fake: FakeQemu;
  readonly events: MachineEvent[];
  readonly context: DriverContext<unknown>;
}

/** A machine whose disk is made, on a host in memory. */
async function makeScene(
  raw: Readonly<Record<string, unknown>> = {},
  facts: FakeHostOptions = {},
): Promise<Scene> {
  const host = createFakeHost({
    ...facts,
    tree: {
      '/proc/sys/kernel/random/boot_id': 'b',
      '/dev/kvm': '',
      '/usr/bin/qemu-system-x86_64': '',
      '/m/machine-id': 'abc\n',
      ...facts.tree,
    },
  });
  host.files.putDirectory(directory, 0o700);
  const fake = installFakeQemu(host);
  const events: MachineEvent[] = [];
  const files = { kernelPath: '/i/vmlinux', initrdPath: '/i/initrd', rootPath: '/i/root' };
  const context: DriverContext<unknown> = {
    host,
    name: 'dev',
    directory,
    config: driver.readConfig({ Accel: 'tcg', ...raw }),
    signal: new AbortController().signal,
    save: async () => undefined,
    emit: (event) => {
      events.push(event);
    },
    boot: {
      image: { ...files, digest: 'd', version: 'v', architecture: 'amd64' },
      guestFiles: [{ name: 'machine-id', path: '/m/machine-id' }],
      shares: [],
    },
  };
  for (const step of driver.steps(context)) {
    await step.run();
  }
  return { host, fake, events, context };
}

function argumentsOfStarts(host: FakeHost): (readonly string[])[] {
  return host.processes.calls.filter(({ detached }) => detached).map(({ args }) => args);
}

test('a silent kernel is given 60 s under emulation and 10 s accelerated, and is ended', async (t) => {
  for (const [accelerator, limitMs] of [
    ['tcg', 60_000],
    ['kvm', 10_000],
  ] as const) {
    const { host, fake, context } = await makeScene({ Accel: accelerator });
    fake.lines = ['SeaBIOS'];
    const startedMs = host.clock.monotonicMs();
    const error = await t.throwsAsync(driver.start(context), { message: /was not ready after/ });
    t.true(
      isMachineError(error) &&
        error.code === 'vm-boot-timeout' &&
        error.why === 'Its kernel gave no sign of life.',
    );
    t.true(host.clock.monotonicMs() - startedMs >= limitMs);
    t.true(host.clock.monotonicMs() - startedMs < limitMs + 60_000);
    t.deepEqual(fake.running(), []);
  }
});

test('a guest that speaks is given 180 s under emulation and 60 s accelerated, and keeps running', async (t) => {
  for (const [accelerator, message] of [
    ['tcg', /after 180 s/],
    ['kvm', /after 60 s/],
  ] as const) {
    const { fake, context } = await makeScene({ Accel: accelerator });
    fake.lines = ['TS 1.5 init', 'TS 3 data'];
    const error = await t.throwsAsync(driver.start(context), { message });
    t.true(
      isMachineError(error) && error.why === 'The last phase it reached was "data", 3 s after power-on.',
    );
    t.is(fake.running().length, 1);
  }
});

test('the fall to emulation is one warning, at the start whose test boot found it out', async (t) => {
  const { host, events, context } = await makeScene({ Accel: 'auto' });
  const run = host.processes.run.bind(host.processes);
  host.processes.run = async (file, args, options) => {
    if (args.includes('help')) {
      return { exitCode: 0, stdout: 'tcg\nkvm\n', stderr: '' };
    }
    const isProbe = args.some((arg) => arg.endsWith(' ts.probe'));
    return isProbe
      ? { exitCode: 1, stdout: '', stderr: 'qemu-system-x86_64: error: no luck\n' }
      : run(file, args, options);
  };
  await driver.start(context);
  await driver.kill(context);
  await driver.start(context);
  const warnings = events.flatMap((event) => (event.type === 'warn' ? [event.message] : []));
  t.deepEqual(warnings, [
    'The machine is emulated, which is slow. A test boot with kvm failed: error: no luck',
  ]);
  t.true(argumentsOfStarts(host).every((args) => args.includes('tcg,thread=single,tb-size=512')));
});

test('the address of the network card comes from the machine id and stays', async (t) => {
  const { host, context } = await makeScene();
  await driver.start(context);
  await driver.kill(context);
  await driver.start(context);
  const macs = argumentsOfStarts(host).map((args) => /mac=([^,]*)/.exec(args.join(' '))?.[1]);
  t.regex(macs[0] ?? '', /^52:54:00(:[0-9a-f]{2}){3}$/);
  t.is(macs[1], macs[0]);
  const other = await makeScene({}, { tree: { '/m/machine-id': 'def\n' } });
  await driver.start(other.context);
  t.notRegex(argumentsOfStarts(other.host)[0]?.join(' ') ?? '', new RegExp(macs[0] ?? 'x'));
});

test('remarks of the guest are notes, phases are phases', async (t) => {
  const { fake, events, context } = await makeScene();
  fake.lines = ['TS 1 init', 'TS 2 note bootsync.sh failed', 'TS 3 ready 10.0.2.15'];
  await driver.start(context);
  t.deepEqual(events, [
    { type: 'phase', machine: 'dev', phase: 'init', atSeconds: 1 },
    { type: 'note', machine: 'dev', message: 'bootsync.sh failed' },
    { type: 'phase', machine: 'dev', phase: 'ready', atSeconds: 3 },
  ]);
});

test('run.json is written before QEMU is asked anything, and completed with the ports', async (t) => {
  const { host, context } = await makeScene();
  await driver.start(context);
  const writes = host.files.writes.filter((write) => write.endsWith('/run.json'));
  t.is(writes.length, 2);
  t.like(JSON.parse(host.files.text(`${directory}/run.json`) ?? ''), {
    schema: 1,
    sshPort: 40_022,
    enginePort: 42_376,
    accelerator: 'tcg',
    process: { pid: 4001 },
  });
});

test('a run.json that cannot be written ends the QEMU that was started', async (t) => {
  for (const nth of [1, 2]) {
    const { host, fake, context } = await makeScene();
    host.files.inject({ code: 'ENOSPC', operation: 'writeAtomic', path: /run\.json$/, nth });
    const error = await t.throwsAsync(driver.start(context));
    t.true(isMachineError(error) && error.code === 'store-write-failed');
    t.deepEqual(fake.running(), []);
    await driver.start(context);
    t.is(fake.running().length, 1);
  }
});

test('the power button is pressed again every 5 s; after 60 s the guest is forced off', async (t) => {
  const { host, fake, context } = await makeScene();
  await driver.start(context);
  fake.ignoresButton = true;
  const startedMs = host.clock.monotonicMs();
  await driver.stop(context);
  t.true(host.clock.monotonicMs() - startedMs >= 60_000);
  t.deepEqual(fake.running(), []);
});

test('QEMU that serves no socket is ended by signals, exactly this process', async (t) => {
  const { host, fake, context } = await makeScene();
  await driver.start(context);
  const [pid] = fake.running();
  host.processes.ignoreTermination = true;
  host.network.onConnect = () => {
    throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  };
  await driver.stop(context);
  t.deepEqual(host.processes.signals, [`SIGTERM ${String(pid)}`, `SIGKILL ${String(pid)}`]);
  t.is((await driver.inspect(context)).power, 'stopped');
});

test('a directory for sockets that others can use is refused', async (t) => {
  const long = `/home/ann/${'x'.repeat(100)}`;
  for (const mode of [0o755, 0o777]) {
    const { host, context } = await makeScene();
    const there = { ...context, directory: long };
    host.files.putDirectory(long, 0o700);
    await driver.steps(there)[1]?.run();
    const { machinePaths } = await import('../../../src/drivers/qemu/run-state.ts');
    host.files.putDirectory((await machinePaths(host, long)).socketDirectory ?? '', mode);
    const error = await t.throwsAsync(driver.start(there));
    t.true(isMachineError(error) && error.code === 'store-unsafe');
    t.deepEqual(argumentsOfStarts(host), []);
  }
});

test('what is missing is named: QEMU, the disk', async (t) => {
  const { host, context } = await makeScene({ Program: '/opt/qemu/bin/qemu-system-x86_64' });
  host.processes.find = async () => undefined;
  const missing = await t.throwsAsync(driver.start(context), {
    message: '/opt/qemu/bin/qemu-system-x86_64 was not found.',
  });
  t.true(isMachineError(missing) && missing.code === 'program-missing');
  const { context: diskless } = await makeScene();
  await driver.steps(diskless)[1]?.undo?.();
  await t.throwsAsync(driver.start(diskless), { message: /disk of the machine is missing/ });
});
