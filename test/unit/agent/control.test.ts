import test from 'ava';
import { endAgent, ensureAgent, findAgent } from '../../../src/agent/control.ts';
import { newRecord } from '../../../src/store/new-record.ts';
import { agentLockPath } from '../../../src/store/paths.ts';
import { installFakeQemu } from '../../fakes/fake-qemu.ts';
import { openTestSession, storePath, type TestSession } from '../machine/support.ts';

const directory = `${storePath}/machines/dev`;

interface Scene {
  readonly driverName?: string;
  readonly publish?: string;
  readonly phase?: string;
  readonly runs?: boolean;
}

/** A store with one machine, and a QEMU for it that runs unless said otherwise. */
function sceneOf({ driverName = 'qemu', publish, phase = 'ready', runs = true }: Scene = {}): TestSession {
  const session = openTestSession();
  const { files, processes } = session.host;
  installFakeQemu(session.host);
  const driver = driverName === 'none' ? { URL: 'tcp://127.0.0.1:1' } : {};
  const record = newRecord({ storePath, name: 'dev', driverName, driver, engine: {} });
  files.put(`${directory}/config.json`, JSON.stringify(record), 0o600);
  const options = publish === undefined ? {} : { publish };
  const sidecar = { schema: 1, phase, created: '2026-01-02T03:04:05Z', driver: {}, options };
  files.put(`${directory}/tsmachine.json`, JSON.stringify(sidecar), 0o600);
  if (runs) {
    const qemu = { pid: 4321, startTime: 'boot/4321' };
    processes.running.set(qemu.pid, qemu.startTime);
    const sockets = { control: `${directory}/qmp.sock`, observer: `${directory}/qmp-observer.sock` };
    const run = { schema: 1, process: qemu, startedAtMs: 1, sshPort: 22, enginePort: 23, accelerator: 'tcg' };
    files.put(`${directory}/run.json`, JSON.stringify({ ...run, ...sockets }), 0o600);
  }
  processes.answer('node', {});
  return session;
}

function agentRuns({ host }: TestSession, startTime = 'boot/77'): void {
  host.processes.running.set(77, 'boot/77');
  const owner = { pid: 77, startTime, command: 'agent dev', since: '2026-01-02T03:04:05Z', token: 'a' };
  host.files.put(agentLockPath(storePath, 'dev'), JSON.stringify(owner), 0o600);
}

const started = ({ host }: TestSession): (readonly string[])[] => host.processes.argumentsOf('node');

test('a machine that runs gets an agent: the same program, with its store, detached', async (t) => {
  const session = sceneOf();
  await ensureAgent(session, 'dev');
  const small = [
    '--max-semi-space-size=1',
    '--optimize-for-size',
    '--single-threaded-gc',
    '--no-opt',
    '--no-sparkplug',
  ];
  t.deepEqual(started(session), [
    [...small, '/opt/tsmachine/bin/tsmachine.js', '--storage-path', storePath, 'agent', 'dev'],
  ]);
  const [call] = session.host.processes.calls.filter(({ file }) => file === '/usr/bin/node');
  t.like(call, { detached: true });
  t.is(call?.options.logPath, `${directory}/agent.log`);
  t.deepEqual(session.events, []);
});

test('no second one, unless the first has died and somebody else has its pid', async (t) => {
  const session = sceneOf();
  agentRuns(session);
  t.is((await findAgent(session, 'dev'))?.pid, 77);
  await ensureAgent(session, 'dev');
  t.deepEqual(started(session), []);
  agentRuns(session, 'boot/another');
  t.is(await findAgent(session, 'dev'), undefined);
  await ensureAgent(session, 'dev');
  t.is(started(session).length, 1);
});

for (const [what, scene] of [
  ['that is stopped', { runs: false }],
  ['that is half made', { phase: 'creating' }],
  ['whose user wants none', { publish: 'none' }],
  ['whose driver forwards nothing', { driverName: 'none' }],
] as const) {
  test(`a machine ${what} gets none`, async (t) => {
    const session = sceneOf(scene);
    await ensureAgent(session, 'dev');
    t.deepEqual([started(session), session.events], [[], []]);
  });
}

test('an agent that cannot be started, or a machine that is not there, is a warning and no failure', async (t) => {
  const session = sceneOf();
  session.host.processes.spawnDetached = async () => {
    throw new Error('no processes left');
  };
  await ensureAgent(session, 'dev');
  await ensureAgent(session, 'other');
  t.deepEqual(
    session.events.map((event) => event.type),
    ['warn', 'warn'],
  );
});

test('a log that has grown long is put aside', async (t) => {
  const session = sceneOf();
  session.host.files.put(`${directory}/agent.log`, 'x'.repeat(1024 * 1024 + 1));
  await ensureAgent(session, 'dev');
  t.is((await session.host.files.stat(`${directory}/agent.log.1`))?.sizeBytes, 1024 * 1024 + 1);
});

test('the end of an agent is asked for and waited for; one that does not listen is killed', async (t) => {
  const session = sceneOf();
  await endAgent(session, 'dev');
  t.deepEqual(session.host.processes.signals, []);
  agentRuns(session);
  await endAgent(session, 'dev');
  t.deepEqual(session.host.processes.signals, ['SIGTERM 77']);
  agentRuns(session);
  session.host.processes.ignoreTermination = true;
  await endAgent(session, 'dev');
  t.deepEqual(session.host.processes.signals, ['SIGTERM 77', 'SIGTERM 77', 'SIGKILL 77']);
});
