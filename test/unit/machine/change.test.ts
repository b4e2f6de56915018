import assert from 'node:assert/strict';
import test from 'ava';
import { loadDriver } from '../../../src/drivers/registry.ts';
import { changeMachine, type MachineChange } from '../../../src/machine/change.ts';
import { createMachine } from '../../../src/machine/create.ts';
import { loadOwnData } from '../../../src/machine/own-data.ts';
import { newRecord } from '../../../src/store/new-record.ts';
import { loadRecord, saveRecord } from '../../../src/store/machine-files.ts';
import { noneRequest, openTestSession, storePath, type TestSession } from './support.ts';

const directory = `${storePath}/machines/m`;

/** A stopped machine of QEMU, on a computer on which QEMU can be run. */
async function qemuMachine(): Promise<TestSession> {
  const session = openTestSession({ tree: { '/data/file': 'x', '/usr/bin/qemu-system-x86_64': 'elf' } });
  for (const program of ['qemu-system-x86_64', 'qemu-img']) {
    session.host.processes.answer(program, { stdout: 'QEMU emulator version 9.2.0\n' });
  }
  const driver = await loadDriver('qemu', session);
  const { config } = driver.configure({ 'qemu-accel': 'tcg' });
  const record = newRecord({ storePath, name: 'm', driverName: 'qemu', driver: config });
  await session.host.files.makeDirectory(directory, 0o700);
  await saveRecord(session.host, storePath, 'm', record);
  return session;
}

async function changed(change: MachineChange): Promise<TestSession> {
  const session = await qemuMachine();
  assert.deepEqual(await changeMachine(session, 'm', change), { isRunning: false });
  return session;
}

test('new sizes are in the record, and the rest of it is as it was', async (t) => {
  const session = await changed({ values: { cpus: 1, memory: 3000, disk: 30_000 } });
  const { Driver } = await loadRecord(session.host, storePath, 'm');
  t.like(Driver, { CPU: 1, Memory: 3000, DiskSize: 30_000, Accel: 'tcg' });
  t.deepEqual((await loadOwnData(session, 'm')).shares, []);
});

test('what is not named keeps its value', async (t) => {
  const session = await changed({ values: { cpus: 1, memory: undefined } });
  t.like((await loadRecord(session.host, storePath, 'm')).Driver, { CPU: 1, Memory: 2048, DiskSize: 20_000 });
});

test('shares are kept for the next start, in the sidecar and for the guest', async (t) => {
  const session = await changed({ values: {}, shares: ['/data:ro'] });
  t.deepEqual((await loadOwnData(session, 'm')).shares, [
    { path: '/data', isReadOnly: true, guestPaths: ['/data'], tag: 'tsm0', way: '9p' },
  ]);
  t.is(session.host.files.text(`${directory}/guest/shares`), 'tsm0 ro /data\n');
  await changeMachine(session, 'm', { values: {}, shares: ['none'] });
  t.deepEqual((await loadOwnData(session, 'm')).shares, []);
  t.is(session.host.files.text(`${directory}/guest/shares`), '');
});

test('what cannot be is refused, and nothing is changed', async (t) => {
  const session = await qemuMachine();
  const before = session.host.files.text(`${directory}/config.json`);
  for (const [values, message] of [
    [{ disk: 10_000 }, /smaller than 20000 MB/],
    [{ cpus: 0 }, /at least 1/],
    [{ memory: 10 }, /at least 512 MB/],
    [{ cpus: 1, memory: 900_000_000 }, /at most/],
  ] as const) {
    await t.throwsAsync(changeMachine(session, 'm', { values }), { code: 'flag-invalid', message });
  }
  await t.throwsAsync(changeMachine(session, 'm', { values: { cpus: 900 } }), { code: 'host-not-ready' });
  await t.throwsAsync(changeMachine(session, 'm', { values: {}, shares: ['/missing'] }), {
    code: 'flag-invalid',
  });
  t.is(session.host.files.text(`${directory}/config.json`), before);
});

test('a machine that is no virtual one has no size', async (t) => {
  const session = openTestSession();
  await createMachine(session, noneRequest('m'));
  await t.throwsAsync(changeMachine(session, 'm', { values: { cpus: 2 } }), {
    code: 'flag-invalid',
    message: '--cpus cannot be changed for machines of the driver none.',
  });
});
