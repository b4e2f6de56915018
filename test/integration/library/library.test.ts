import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import {
  connectionOf,
  createMachine,
  examine,
  isMachineError,
  listMachines,
  machineRequest,
  openSession,
  planCreate,
  removeMachine,
  type MachineEvent,
} from 'tsmachine';

test('the package, imported by its name, does what the command line does', async (t) => {
  const home = await mkdtemp(path.join(tmpdir(), 'tsm-library-'));
  const events: MachineEvent[] = [];
  const session = openSession({
    storePath: path.join(home, 'store'),
    onEvent: (event) => {
      events.push(event);
    },
  });
  const request = machineRequest('m', {
    driverName: 'none',
    flagValues: { url: 'tcp://127.0.0.1:1' },
  });
  try {
    t.deepEqual(
      (await planCreate(session, request)).map(({ name }) => name),
      ['reserve', 'certificates', 'finish'],
    );
    await createMachine(session, request);
    t.true(events.some((event) => event.type === 'step-done' && event.step === 'finish'));
    t.is((await listMachines(session, { timeoutMs: 2000 }))[0]?.name, 'm');
    const connection = await connectionOf(session, 'm', { check: false, timeoutMs: 1000 });
    t.is(connection.url, 'tcp://127.0.0.1:1');
    const error = await t.throwsAsync(connectionOf(session, 'm', { check: true, timeoutMs: 2000 }));
    t.true(isMachineError(error) && error.code === 'engine-unreachable');
    t.true((await examine(session, 'm')).some(({ subject }) => subject === 'machine m'));
    await removeMachine(session, 'm', { force: false });
    t.deepEqual(await listMachines(session, { timeoutMs: 2000 }), []);
  } finally {
    await rm(home, { recursive: true });
  }
});
