import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { MachineError } from '../../../src/core/errors.ts';
import {
  listMachineDirectories,
  loadRecord,
  removeMachineDirectory,
  saveRecord,
} from '../../../src/store/machine-files.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';

const fixtures = path.join(import.meta.dirname, '../../../../test/fixtures/records');
const fixture = (name: string): string => readFileSync(path.join(fixtures, `${name}.json`), 'utf8');
const store = '/home/ann/.docker/machine';
const machine = `${store}/machines/default`;
const config = `${machine}/config.json`;
const backup = `${config}.bak`;

const hostWith = (text: string, more: Record<string, string> = {}): FakeHost =>
  createFakeHost({ tree: { [config]: text, ...more } });
const codeOf = async (action: Promise<unknown>): Promise<string> =>
  action.then(
    () => 'fine',
    (error: unknown) => (error instanceof MachineError ? error.code : String(error)),
  );

test('a record is loaded under the name of its directory, and nothing is written', async (t) => {
  const host = createFakeHost({ tree: { [`${store}/machines/Other/config.json`]: fixture('v3-none') } });
  t.is((await loadRecord(host, store, 'Other')).Name, 'Other');
  t.deepEqual(host.files.writes, []);
});

test('old versions are migrated in memory only', async (t) => {
  const host = createFakeHost({ tree: { [`${store}/machines/old/config.json`]: fixture('v0-virtualbox') } });
  const record = await loadRecord(host, store, 'old');
  t.is(record.HostOptions.AuthOptions?.StorePath, `${store}/machines/old`);
  t.deepEqual(host.files.writes, []);
  await saveRecord(host, store, 'old', record);
  t.is(host.files.text(`${store}/machines/old/config.json.bak`), fixture('v0-virtualbox'));
});

test('what is missing is told apart', async (t) => {
  const host = createFakeHost();
  t.is(await codeOf(loadRecord(host, store, 'default')), 'machine-not-found');
  host.files.putDirectory(machine);
  t.is(await codeOf(loadRecord(host, store, 'default')), 'machine-incomplete');
  t.is(await codeOf(loadRecord(host, store, '..')), 'name-invalid');
  host.files.put(config, fixture('v3-none'));
  host.files.inject({ operation: 'readRange', code: 'EACCES' });
  t.is(await codeOf(loadRecord(host, store, 'default')), 'record-invalid');
});

for (const damaged of ['', '{"ConfigVersion": 3, "Dri', '\u0000\u0000\u0000', 'null']) {
  test(`a damaged record falls back to its copy and says so: ${JSON.stringify(damaged)}`, async (t) => {
    const host = hostWith(damaged, { [backup]: fixture('v3-none') });
    const warnings: string[] = [];
    const record = await loadRecord(host, store, 'default', (message) => warnings.push(message));
    t.is(record.DriverName, 'none');
    t.is(warnings.length, 1);
    t.true(warnings[0]?.includes(config));
  });
}

test('without a usable copy the damage itself is reported', async (t) => {
  t.is(await codeOf(loadRecord(hostWith('{'), store, 'default')), 'record-invalid');
  const error = await t.throwsAsync(loadRecord(hostWith('{', { [backup]: 'x' }), store, 'default'));
  t.true(error.message.startsWith(`${config} cannot`));
});

test('a record that is JSON never falls back: wrong, huge or from the future', async (t) => {
  const copy = { [backup]: fixture('v3-none') };
  const wrong = fixture('v3-none').replace('"SSHPort": 0', '"SSHPort": "x"');
  t.is(await codeOf(loadRecord(hostWith(wrong, copy), store, 'default')), 'record-invalid');
  t.is(
    await codeOf(loadRecord(hostWith(fixture('v4-future'), copy), store, 'default')),
    'record-from-future',
  );
  t.is(await codeOf(loadRecord(hostWith(' '.repeat(1_100_000), copy), store, 'default')), 'record-invalid');
});

test('saving keeps the version before, 0600, and writes nothing when nothing changed', async (t) => {
  const host = hostWith(fixture('v3-none'));
  const record = await loadRecord(host, store, 'default');
  await saveRecord(host, store, 'default', record);
  t.deepEqual(host.files.writes, []);
  await saveRecord(host, store, 'default', {
    ...record,
    Driver: { ...record.Driver, IPAddress: '192.0.2.1' },
  });
  t.deepEqual(host.files.writes, [`writeAtomic ${backup}`, `writeAtomic ${config}`]);
  t.is(host.files.text(backup), fixture('v3-none'));
  t.is(host.files.nodes.get(config)?.mode, 0o600);
  t.is(host.files.nodes.get(backup)?.mode, 0o600);
});

test('a damaged record never becomes the copy', async (t) => {
  const host = hostWith('{', { [backup]: fixture('v3-none') });
  const record = await loadRecord(host, store, 'default');
  await saveRecord(host, store, 'default', record);
  t.is(host.files.text(backup), fixture('v3-none'));
  t.is(host.files.text(config), fixture('v3-none'));
});

test('a record of the future is not overwritten', async (t) => {
  const host = hostWith(fixture('v3-none'));
  const record = await loadRecord(host, store, 'default');
  host.files.put(config, fixture('v4-future'));
  t.is(await codeOf(saveRecord(host, store, 'default', record)), 'record-from-future');
  t.deepEqual(host.files.writes, []);
  t.is(host.files.text(config), fixture('v4-future'));
});

test('nothing that could not be read again is written', async (t) => {
  const host = hostWith(fixture('v3-none'));
  const record = await loadRecord(host, store, 'default');
  const bad = { ...record, Driver: { ...record.Driver, SSHUser: '-oX' } };
  t.is(await codeOf(saveRecord(host, store, 'default', bad)), 'record-invalid');
  t.deepEqual(host.files.writes, []);
});

for (const nth of [1, 2]) {
  test(`a full disk at write ${nth} of a save leaves the old record`, async (t) => {
    const host = hostWith(fixture('v3-none'));
    const record = await loadRecord(host, store, 'default');
    host.files.inject({ code: 'ENOSPC', nth });
    const changed = { ...record, Driver: { ...record.Driver, IPAddress: '192.0.2.1' } };
    const error = await t.throwsAsync(saveRecord(host, store, 'default', changed), {
      instanceOf: MachineError,
    });
    t.is(error.code, 'store-write-failed');
    t.true(error.message.includes(machine));
    t.is(host.files.text(config), fixture('v3-none'));
  });
}

test('temporary files of killed writers go with the next save, those of living ones stay', async (t) => {
  const host = hostWith(fixture('v3-none'), {
    [`${config}.tmp-77-1`]: 'x',
    [`${config}.tmp-78-1`]: 'x',
    [`${config}.tmp1234`]: 'of docker-machine',
  });
  host.processes.running.set(78, 'boot/78');
  const record = await loadRecord(host, store, 'default');
  await saveRecord(host, store, 'default', {
    ...record,
    Driver: { ...record.Driver, IPAddress: '192.0.2.1' },
  });
  const names = (await host.files.list(machine)).map(({ name }) => name).sort();
  t.deepEqual(names, ['config.json', 'config.json.bak', 'config.json.tmp-78-1', 'config.json.tmp1234']);
});

test('machines are the directories without a leading dot, in byte order', async (t) => {
  const host = createFakeHost();
  t.deepEqual(await listMachineDirectories(host, store), []);
  for (const name of ['b', 'a', 'B', 'a-1', '.x.removed', 'ü', 'no name']) {
    host.files.putDirectory(`${store}/machines/${name}`);
  }
  host.files.put(`${store}/machines/.b.lock`, '');
  host.files.put(`${store}/machines/file`, '');
  t.deepEqual(await listMachineDirectories(host, store), ['B', 'a', 'a-1', 'b', 'no name', 'ü']);
});

test('a removed machine is gone with everything, and only it', async (t) => {
  const host = hostWith(fixture('v3-none'), {
    [`${machine}/sub/file`]: 'x',
    [`${store}/machines/default2/config.json`]: 'x',
    [`${store}/machines/.default.removed/left`]: 'of a killed removal',
  });
  await removeMachineDirectory(host, store, 'default');
  await removeMachineDirectory(host, store, 'default');
  const left = [...host.files.nodes.keys()].filter((name) => name.startsWith(`${store}/machines/`));
  t.deepEqual(left, [`${store}/machines/default2`, `${store}/machines/default2/config.json`]);
});

test('of a linked machine only the link goes', async (t) => {
  const host = createFakeHost({ tree: { '/data/important': 'x', [`${store}/machines/a/config.json`]: 'x' } });
  host.files.putSymlink(machine, '/data');
  await removeMachineDirectory(host, store, 'default');
  t.is(host.files.text('/data/important'), 'x');
  t.is(host.files.nodes.get(machine), undefined);
});

test('a store behind a link works; impossible names touch nothing', async (t) => {
  const host = createFakeHost({ tree: { '/disk/machines/default/config.json': 'x' } });
  host.files.putSymlink(store, '/disk');
  await removeMachineDirectory(host, store, 'default');
  t.is(host.files.nodes.get('/disk/machines/default'), undefined);
  for (const name of ['..', '.', '', '../..', 'a/b']) {
    t.is(await codeOf(removeMachineDirectory(host, store, name)), 'name-invalid');
  }
});

test('a directory that is really elsewhere is not removed', async (t) => {
  const host = hostWith('x');
  const realPath = host.files.realPath.bind(host.files);
  host.files.realPath = async (name) => (name === machine ? '/etc' : realPath(name));
  t.is(await codeOf(removeMachineDirectory(host, store, 'default')), 'store-unsafe');
  t.is(host.files.text(config), 'x');
});
