import { execFile } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import driver from '../../../src/drivers/qemu/driver.ts';
import { connectQmp } from '../../../src/drivers/qemu/qmp.ts';
import { findLive, machinePaths, readRunRecord } from '../../../src/drivers/qemu/run-state.ts';
import { startMachine } from '../../../src/drivers/qemu/start.ts';
import { stopMachine } from '../../../src/drivers/qemu/stop.ts';
import {
  hasQemu,
  healthyLines,
  makeQemuMachine,
  type QemuMachine,
  type QemuMachineOptions,
} from '../../fakes/qemu-machine.ts';

const run = promisify(execFile);

/** Runs a test with a machine whose disk is made, and leaves nothing behind. */
async function withMachine(
  t: ExecutionContext,
  options: QemuMachineOptions,
  body: (machine: QemuMachine) => Promise<void>,
): Promise<void> {
  if (!(await hasQemu())) {
    t.log('skipped: needs qemu-system-x86_64 and qemu-img');
    t.pass();
    return;
  }
  const machine = await makeQemuMachine(options);
  try {
    for (const step of driver.steps(machine.context)) {
      await step.run();
    }
    await body(machine);
  } finally {
    await machine.cleanup();
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function pidOf(machine: QemuMachine): Promise<number> {
  const live = await findLive(machine.context);
  return live?.process.pid ?? 0;
}

test('a whole life: create, start, inspect, stop by the button, start again, kill, remove', async (t) => {
  await withMachine(t, { end: 'obey-button' }, async ({ context, events, directory }) => {
    t.is((await driver.inspect(context)).power, 'stopped');
    await driver.start(context);
    const phases = events.flatMap((event) =>
      event.type === 'phase' ? [`${event.phase}@${event.atSeconds}`] : [],
    );
    t.deepEqual(phases, ['init@0.1', 'stage2@0.2', 'net@0.3', 'ready@0.4']);
    const first = await driver.inspect(context);
    t.like(first, { power: 'running', address: '127.0.0.1' });
    t.regex(first.engineUrl ?? '', /^tcp:\/\/127\.0\.0\.1:\d+$/);
    t.is(first.ssh?.host, '127.0.0.1');

    const pid = (await readRunRecord(context.host, directory))?.process.pid;
    await driver.start(context);
    t.is((await readRunRecord(context.host, directory))?.process.pid, pid, 'a second start starts nothing');

    const startedMs = Date.now();
    await driver.stop(context);
    t.true(Date.now() - startedMs < 5000, 'the guest obeyed the button');
    t.deepEqual(await driver.inspect(context), { power: 'stopped' });
    await driver.stop(context);

    await driver.start(context);
    const again = await driver.inspect(context);
    t.is(again.engineUrl, first.engineUrl, 'the ports of the last run are asked for again');
    t.deepEqual(again.ssh, first.ssh);
    await driver.kill(context);
    t.is((await driver.inspect(context)).power, 'stopped');
    await driver.kill(context);
    t.is(await readFile(join(directory, 'console.log.1'), 'utf8'), `${healthyLines.join('\r\n')}\r\n`);

    await driver.remove(context);
    await driver.remove(context);
    await t.throwsAsync(stat(join(directory, 'run.json')), { code: 'ENOENT' });
  });
});

test('paths with commas, blanks, quotes, equals signs and letters beyond ASCII work', async (t) => {
  await withMachine(
    t,
    { directoryName: 'a,b =c"d\'é,,file=%s\\ü', end: 'obey-button' },
    async ({ context }) => {
      await driver.start(context);
      t.is((await driver.inspect(context)).power, 'running');
      await driver.stop(context);
      t.is((await driver.inspect(context)).power, 'stopped');
    },
  );
});

test('a directory whose path is too long for a socket gets its sockets elsewhere', async (t) => {
  await withMachine(t, { directoryName: 'x'.repeat(150) }, async ({ context, directory }) => {
    await driver.start(context);
    const paths = await machinePaths(context.host, directory);
    t.false(paths.control.startsWith(directory));
    t.is((await stat(paths.socketDirectory ?? '')).mode & 0o777, 0o700);
    t.is((await driver.inspect(context)).power, 'running');
    await driver.remove(context);
    await t.throwsAsync(stat(paths.socketDirectory ?? ''), { code: 'ENOENT' });
  });
});

test('twelve machines started at once have 24 different ports, all on 127.0.0.1', async (t) => {
  if (!(await hasQemu())) {
    t.log('skipped: needs qemu-system-x86_64 and qemu-img');
    t.pass();
    return;
  }
  const machines = await Promise.all(Array.from({ length: 12 }, async () => makeQemuMachine()));
  try {
    await Promise.all(
      machines.map(async ({ context }) => {
        await driver.steps(context)[1]?.run();
        await driver.start(context);
      }),
    );
    const states = await Promise.all(machines.map(async ({ context }) => driver.inspect(context)));
    const ports = states.flatMap((state) => [state.ssh?.port, Number(new URL(state.engineUrl ?? '').port)]);
    t.is(new Set(ports).size, 24);
    t.true(
      states.every(
        (state) => state.ssh?.host === '127.0.0.1' && state.engineUrl?.startsWith('tcp://127.0.0.1:'),
      ),
    );
  } finally {
    await Promise.all(machines.map(async (machine) => machine.cleanup()));
  }
});

test('machines share the files of one image', async (t) => {
  await withMachine(t, {}, async ({ context }) => {
    const other = await makeQemuMachine();
    try {
      const { boot } = context;
      const sharing = { ...other.context, ...(boot === undefined ? {} : { boot }) };
      await driver.steps(sharing)[1]?.run();
      await Promise.all([driver.start(context), driver.start(sharing)]);
      t.is((await driver.inspect(context)).power, 'running');
      t.is((await driver.inspect(sharing)).power, 'running');
    } finally {
      await other.cleanup();
    }
  });
});

test('a port of the last run that is taken now is replaced, the other one kept', async (t) => {
  await withMachine(t, {}, async ({ context }) => {
    await driver.start(context);
    const before = await driver.inspect(context);
    await driver.kill(context);
    const port = before.ssh?.port ?? 0;
    const server = await listen(port);
    try {
      await driver.start(context);
      const after = await driver.inspect(context);
      t.not(after.ssh?.port, port);
      t.is(after.engineUrl, before.engineUrl);
    } finally {
      server.close();
    }
  });
});

test('a port that is taken between the look and the start is replaced', async (t) => {
  await withMachine(t, {}, async ({ context, directory }) => {
    const server = await listen(0);
    const { port } = server.address() as AddressInfo;
    try {
      const record = {
        schema: 1,
        process: { pid: 1, startTime: 'never' },
        startedAtMs: 0,
        accelerator: 'tcg',
        control: '',
        observer: '',
      };
      await writeFile(
        join(directory, 'run.json'),
        JSON.stringify({ ...record, sshPort: port, enginePort: port }),
      );
      const blind = { ...context.host, network: { ...context.host.network, isPortFree: async () => true } };
      await driver.start({ ...context, host: blind });
      const state = await driver.inspect(context);
      t.is(state.power, 'running');
      t.not(state.ssh?.port, port);
    } finally {
      server.close();
    }
  });
});

test('QEMU that was killed leaves a stale pid file and run.json: stopped, and starts again', async (t) => {
  await withMachine(t, {}, async (machine) => {
    const { context, directory } = machine;
    await driver.start(context);
    process.kill(await pidOf(machine), 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 200));
    t.true((await readFile(join(directory, 'qemu.pid'), 'utf8')).trim() !== '', 'the pid file is stale');
    t.is((await driver.inspect(context)).power, 'stopped');
    await driver.start(context);
    t.is((await driver.inspect(context)).power, 'running');
  });
});

test('a pid file that names a process of somebody else is not believed, nor is that process ended', async (t) => {
  await withMachine(t, {}, async ({ context, directory }) => {
    await writeFile(join(directory, 'qemu.pid'), `${process.pid}\n`);
    t.is((await driver.inspect(context)).power, 'stopped');
    await driver.kill(context);
    t.pass('this process still runs');
  });
});

test('a start that died before run.json was written is taken over by the next one', async (t) => {
  await withMachine(t, {}, async (machine) => {
    const { context, directory, events } = machine;
    await driver.start(context);
    const pid = await pidOf(machine);
    await context.host.files.remove(join(directory, 'run.json'));
    t.is((await driver.inspect(context)).power, 'running');
    events.length = 0;
    await driver.start(context);
    t.is(await pidOf(machine), pid);
    t.regex((await driver.inspect(context)).engineUrl ?? '', /:\d+$/);
    t.deepEqual(events, [], 'a machine that is ready reports no phases again');
  });
});

test('a guest that ignores the power button is forced off', async (t) => {
  await withMachine(t, { end: 'halt' }, async ({ context }) => {
    await driver.start(context);
    const startedMs = Date.now();
    await stopMachine(context, { powerdownTimeoutMs: 600, repeatMs: 200 });
    t.true(Date.now() - startedMs < 5000);
    t.is((await driver.inspect(context)).power, 'stopped');
  });
});

test('a paused guest is shown as paused, goes on with start and is stopped by the button', async (t) => {
  await withMachine(t, { end: 'obey-button' }, async ({ context, directory }) => {
    await driver.start(context);
    const { control } = await machinePaths(context.host, directory);
    const pause = async (): Promise<void> => {
      const client = await connectQmp(context.host, control, { timeoutMs: 5000 });
      await client.execute('stop');
      client.close();
    };
    await pause();
    t.is((await driver.inspect(context)).power, 'paused');
    await driver.start(context);
    t.is((await driver.inspect(context)).power, 'running');
    await pause();
    await stopMachine(context, { powerdownTimeoutMs: 10_000, repeatMs: 5000 });
    t.is((await driver.inspect(context)).power, 'stopped');
  });
});

test('a second client of a socket is not greeted and gives up in time; stop finds the other socket', async (t) => {
  await withMachine(t, { end: 'obey-button' }, async ({ context, directory }) => {
    await driver.start(context);
    const { control, observer } = await machinePaths(context.host, directory);
    const holder = await connectQmp(context.host, control, { timeoutMs: 5000 });
    const error = await t.throwsAsync(connectQmp(context.host, control, { timeoutMs: 300 }));
    t.true(isMachineError(error) && error.code === 'vm-control-failed');
    t.is((await driver.inspect(context)).power, 'running', 'the observer is free');
    const second = await connectQmp(context.host, observer, { timeoutMs: 5000 });
    t.is((await driver.inspect(context)).power, 'error', 'nobody answers');
    second.close();
    await driver.stop(context);
    t.is((await driver.inspect(context)).power, 'stopped');
    // The process is gone; that its connection is, too, may be seen a moment later.
    await context.host.clock.sleep(500);
    t.true(holder.isClosed);
  });
});

test('QEMU that is frozen is an error for inspect, and kill ends it', async (t) => {
  await withMachine(t, {}, async (machine) => {
    const { context } = machine;
    await driver.start(context);
    process.kill(await pidOf(machine), 'SIGSTOP');
    const state = await driver.inspect(context);
    t.is(state.power, 'error');
    await driver.kill(context);
    t.is((await driver.inspect(context)).power, 'stopped');
  });
});

test('a guest that resets before its first mark is started once more, then reported', async (t) => {
  await withMachine(t, { lines: ['BIOS'], end: 'reset' }, async ({ context, directory }) => {
    const error = await t.throwsAsync(driver.start(context), { message: /sign of life/ });
    t.true(isMachineError(error) && error.code === 'vm-start-failed');
    t.is(await readFile(join(directory, 'console.log'), 'utf8'), 'BIOS\r\n');
    t.is(await readFile(join(directory, 'console.log.1'), 'utf8'), 'BIOS\r\n', 'there were two starts');
    t.is((await driver.inspect(context)).power, 'stopped');
  });
});

test('a guest that powers off while it starts is reported with its last phase', async (t) => {
  await withMachine(t, { lines: ['TS 0.1 init', 'TS 0.2 net'], end: 'power-off' }, async ({ context }) => {
    const error = await t.throwsAsync(driver.start(context), { message: /after the phase "net"/ });
    t.true(isMachineError(error) && error.code === 'vm-start-failed');
  });
});

test('a guest that gives up on something is an error that says on what; it keeps running', async (t) => {
  const lines = ['TS 0.1 init', 'TS 0.2 failed data: \u001b[31mext4 is damaged\u0007'];
  await withMachine(t, { lines }, async ({ context }) => {
    const error = await t.throwsAsync(driver.start(context), { message: 'The machine gave up on data.' });
    t.true(isMachineError(error) && error.code === 'guest-failed' && error.why === 'ext4 is damaged');
    t.is((await driver.inspect(context)).power, 'running');
  });
});

test('a guest that stalls is reported with its last phase and keeps running; a silent one is ended', async (t) => {
  await withMachine(t, { lines: ['TS 0.1 init', 'TS 0.7 data'] }, async ({ context, setGuest }) => {
    const limits = { firstMarkTimeoutMs: 3000, readyTimeoutMs: 3000 };
    const stalled = await t.throwsAsync(startMachine(context, limits));
    t.true(
      isMachineError(stalled) && stalled.code === 'vm-boot-timeout' && stalled.facts['phase'] === 'data',
    );
    t.is((await driver.inspect(context)).power, 'running');
    await driver.kill(context);
    await setGuest(['Loading...'], 'halt');
    const silent = await t.throwsAsync(
      startMachine(context, { firstMarkTimeoutMs: 1000, readyTimeoutMs: 3000 }),
    );
    t.true(isMachineError(silent) && silent.code === 'vm-boot-timeout' && silent.facts['phase'] === '');
    t.is((await driver.inspect(context)).power, 'stopped');
  });
});

test('a start that is interrupted can be called again', async (t) => {
  await withMachine(t, { lines: ['TS 0.1 init'] }, async (machine) => {
    const { context } = machine;
    const abort = new AbortController();
    const emit: typeof context.emit = () => {
      abort.abort(new Error('interrupted'));
    };
    await t.throwsAsync(driver.start({ ...context, signal: abort.signal, emit }), { message: 'interrupted' });
    t.is((await driver.inspect(context)).power, 'running');
    const pid = await pidOf(machine);
    const error = await t.throwsAsync(
      startMachine(context, { firstMarkTimeoutMs: 300, readyTimeoutMs: 300 }),
    );
    t.true(isMachineError(error) && error.facts['phase'] === 'init');
    t.is(await pidOf(machine), pid);
  });
});

test('a disk in use by another QEMU is named as the reason', async (t) => {
  await withMachine(t, {}, async (machine) => {
    const { context, directory } = machine;
    await driver.start(context);
    const disk = join(directory, 'disk.qcow2');
    const other = await makeQemuMachine();
    try {
      await context.host.files.link(disk, join(other.directory, 'disk.qcow2'));
      const error = await t.throwsAsync(driver.start(other.context), {
        message: /disk of the machine is in use/,
      });
      t.true(isMachineError(error) && error.code === 'vm-start-failed');
    } finally {
      await other.cleanup();
    }
  });
});

test('the disk begins with the magic tar, is kept by a second create, and grows at the next start', async (t) => {
  await withMachine(t, {}, async ({ context, directory }) => {
    const disk = join(directory, 'disk.qcow2');
    t.is((await stat(disk)).mode & 0o777, 0o600);
    const raw = join(directory, 'raw');
    await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', disk, raw]);
    const { stdout } = await run('tar', ['-tvf', raw]);
    t.regex(
      stdout,
      /boot2docker, please format-me\n.*drwx------.*\.ssh\/\n.*\.ssh\/authorized_keys\n.*authorized_keys2\n$/s,
    );
    const before = await readFile(disk);
    await driver.steps(context)[1]?.run();
    t.deepEqual(await readFile(disk), before);
    await driver.start({ ...context, config: { ...(context.config as object), diskSizeMiB: 100 } });
    await driver.kill(context);
    const { stdout: info } = await run('qemu-img', ['info', '--output=json', disk]);
    t.is((JSON.parse(info) as { 'virtual-size': number })['virtual-size'], 100 * 1024 * 1024);
  });
});

test('a disk that refers to another file is refused, at create and at start', async (t) => {
  await withMachine(t, {}, async ({ context, directory }) => {
    const disk = join(directory, 'disk.qcow2');
    await context.host.files.rename(disk, join(directory, 'base.qcow2'));
    await run('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-b',
      join(directory, 'base.qcow2'),
      '-F',
      'qcow2',
      disk,
    ]);
    const atStart = await t.throwsAsync(driver.start(context));
    t.true(
      isMachineError(atStart) && atStart.code === 'disk-unsafe' && atStart.message.includes('backing file'),
    );
    const atCreate = await t.throwsAsync(async () => driver.steps(context)[1]?.run());
    t.true(isMachineError(atCreate) && atCreate.code === 'disk-unsafe');
    await context.host.files.remove(disk);
    await run('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-o',
      `data_file=${join(directory, 'data')}`,
      disk,
      '1M',
    ]);
    await t.throwsAsync(driver.start(context), { message: /data is in another file/ });
    await context.host.files.remove(disk);
    await writeFile(disk, 'not a disk');
    await t.throwsAsync(driver.start(context), { message: /not in the qcow2 format/ });
    await context.host.files.remove(disk);
    await t.throwsAsync(driver.start(context), { message: /disk of the machine is missing/ });
  });
});
