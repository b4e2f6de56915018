import type { Socket } from 'node:net';
import test from 'ava';
import type { DriverContext } from '../../../src/drivers/driver.ts';
import driver from '../../../src/drivers/qemu/driver.ts';
import { machinePaths } from '../../../src/drivers/qemu/run-state.ts';
import { createFakeHost, createSocketPair, type FakeHost, type FakeHostOptions } from '../../fakes/host.ts';

const directory = '/home/ann/.docker/machine/machines/dev';

const runRecord = {
  schema: 1,
  process: { pid: 77, startTime: 'boot/77' },
  startedAtMs: 1,
  sshPort: 40_022,
  enginePort: 42_376,
  accelerator: 'tcg',
  control: `${directory}/qmp.sock`,
  observer: `${directory}/qmp-observer.sock`,
};

function makeHost(files: Readonly<Record<string, string>>, running: readonly number[] = []): FakeHost {
  const tree = Object.fromEntries(
    Object.entries(files).map(([name, text]) => [`${directory}/${name}`, text]),
  );
  const host = createFakeHost({ tree });
  for (const pid of running) {
    host.processes.running.set(pid, `boot/${pid}`);
  }
  return host;
}

/** Lets the host answer QMP with this status, under this name. */
function answerQmp(host: FakeHost, status: string, name = 'tsm-dev'): void {
  host.network.onConnect = () => {
    const [near, far] = createSocketPair();
    far.setEncoding('utf8');
    far.on('data', (line: string) => {
      const { execute, id } = JSON.parse(line) as { execute: string; id: string };
      const answers: Readonly<Record<string, unknown>> = {
        'query-status': { status },
        'query-name': { name },
      };
      far.write(`${JSON.stringify({ return: answers[execute] ?? {}, id })}\r\n`);
    });
    far.write('{"QMP": {}}\r\n');
    return near;
  };
}

function contextOf(host: FakeHost): DriverContext<unknown> {
  const config = driver.readConfig({});
  const { signal } = new AbortController();
  return { host, name: 'dev', directory, config, signal, emit: () => undefined, save: async () => undefined };
}

test('nothing there, and a directory that is not there: stopped', async (t) => {
  t.deepEqual(await driver.inspect(contextOf(makeHost({}))), { power: 'stopped' });
  t.deepEqual(await driver.inspect(contextOf(createFakeHost())), { power: 'stopped' });
});

test('a process that is gone, or another one with its number: stopped, and nobody is asked', async (t) => {
  const files = { 'run.json': JSON.stringify(runRecord), 'qemu.pid': '77\n' };
  const gone = makeHost(files);
  t.deepEqual(await driver.inspect(contextOf(gone)), { power: 'stopped' });
  const other = makeHost(files);
  other.processes.running.set(77, 'boot/other');
  t.deepEqual(await driver.inspect(contextOf(other)), { power: 'stopped' });
  await driver.kill(contextOf(other));
  await driver.stop(contextOf(other));
  await driver.remove(contextOf(other));
  t.deepEqual([...gone.network.connections, ...other.network.connections, ...other.processes.signals], []);
});

test('states of QEMU are translated, with the endpoints of run.json', async (t) => {
  const expected = {
    running: 'running',
    paused: 'paused',
    suspended: 'paused',
    prelaunch: 'starting',
    inmigrate: 'starting',
    shutdown: 'stopping',
    'internal-error': 'error',
    'io-error': 'error',
    'guest-panicked': 'error',
    watchdog: 'error',
    'save-vm': 'running',
  };
  for (const [status, power] of Object.entries(expected)) {
    const host = makeHost({ 'run.json': JSON.stringify(runRecord) }, [77]);
    answerQmp(host, status);
    t.like(await driver.inspect(contextOf(host)), {
      power,
      address: '127.0.0.1',
      ssh: { host: '127.0.0.1', port: 40_022 },
      engineUrl: 'tcp://127.0.0.1:42376',
    });
    t.deepEqual(host.network.connections, [runRecord.observer]);
  }
});

test('a process that does not answer is an error with its number; one that was just started is starting', async (t) => {
  const silent = makeHost({ 'run.json': JSON.stringify(runRecord) }, [77]);
  t.like(await driver.inspect(contextOf(silent)), {
    power: 'error',
    detail: 'QEMU (process 77) does not answer.',
  });
  const young = makeHost({ 'run.json': JSON.stringify({ ...runRecord, sshPort: 0, enginePort: 0 }) }, [77]);
  t.deepEqual(await driver.inspect(contextOf(young)), { power: 'starting' });
});

test('a listener that never greets costs two seconds', async (t) => {
  const host = makeHost({ 'run.json': JSON.stringify(runRecord) }, [77]);
  const ends: Socket[] = [];
  host.network.onConnect = () => {
    const [near, far] = createSocketPair();
    ends.push(far);
    return near;
  };
  t.like(await driver.inspect(contextOf(host)), { power: 'error' });
  t.true(host.clock.monotonicMs() <= 2000);
  t.is(ends.length, 1);
});

test('a pid file alone counts only when the process answers under the name of the machine', async (t) => {
  const files = { 'qemu.pid': '88\n' };
  const ours = makeHost(files, [88]);
  answerQmp(ours, 'running');
  t.deepEqual(await driver.inspect(contextOf(ours)), { power: 'running' });
  const foreign = makeHost(files, [88]);
  answerQmp(foreign, 'running', 'tsm-other');
  t.deepEqual(await driver.inspect(contextOf(foreign)), { power: 'stopped' });
  const silent = makeHost(files, [88]);
  t.deepEqual(await driver.inspect(contextOf(silent)), { power: 'stopped' });
  await driver.kill(contextOf(silent));
  t.deepEqual(silent.processes.signals, []);
});

test('hostile run.json and pid files are as good as none', async (t) => {
  const records = [
    '',
    'null',
    '[]',
    '{',
    JSON.stringify({ ...runRecord, schema: 2 }),
    JSON.stringify({ ...runRecord, process: { pid: '77', startTime: 'boot/77' } }),
    JSON.stringify({ ...runRecord, process: { pid: -1, startTime: 'boot/77' } }),
    JSON.stringify({ ...runRecord, sshPort: 70_000 }),
    JSON.stringify({ ...runRecord, enginePort: '1;rm' }),
    JSON.stringify({ ...runRecord, control: 1 }),
  ];
  for (const [index, text] of records.entries()) {
    const host = makeHost(
      { 'run.json': text, 'qemu.pid': ['', 'x', '-1', '0', '1e400'][index % 5] ?? '' },
      [77],
    );
    t.deepEqual(await driver.inspect(contextOf(host)), { power: 'stopped' }, text);
  }
});

test('a file that cannot be read is an error, not a throw', async (t) => {
  const host = makeHost({ 'run.json': '{}' });
  host.files.inject({ code: 'EIO', operation: 'readText' });
  t.like(await driver.inspect(contextOf(host)), { power: 'error' });
});

test('sockets: beside the machine, else in a short place that depends on the machine', async (t) => {
  const short = await machinePaths(createFakeHost(), directory);
  t.is(short.control, `${directory}/qmp.sock`);
  t.is(short.socketDirectory, undefined);
  const place = async (options: FakeHostOptions, path: string): Promise<string> =>
    (await machinePaths(createFakeHost(options), path)).control;
  const long = `/home/ann/${'x'.repeat(100)}`;
  const first = await place({}, long);
  t.regex(first, /^\/home\/ann\/\.cache\/tsmachine\/run\/[0-9a-f]{20}\/qmp\.sock$/);
  t.not(await place({}, `${long}y`), first);
  t.regex(await place({ env: { XDG_CACHE_HOME: '/c' } }, long), /^\/c\/tsmachine\/run\//);
  t.regex(
    await place({ homeDirectory: `/home/${'z'.repeat(60)}` }, long),
    /^\/tmp\/tsm-[0-9a-f]{20}\/qmp\.sock$/,
  );
  t.true(Buffer.byteLength((await machinePaths(createFakeHost(), `/m/${'é'.repeat(45)}`)).observer) <= 100);
  t.regex(await place({ platform: 'win32' }, 'C:\\m'), /^\\\\\.\\pipe\\tsmachine-[0-9a-f]{20}$/);
});
