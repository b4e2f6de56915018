import test from 'ava';
import { withHostRegistries } from '../../../../src/machine/follow/registries.ts';
import { newRecord } from '../../../../src/store/new-record.ts';
import type { EngineOptions } from '../../../../src/store/record.ts';
import { createFakeHost } from '../../../fakes/host.ts';
import { storePath } from '../support.ts';

const gateway = '10.0.2.2';

function optionsOf(engine: Partial<EngineOptions> = {}): EngineOptions | null {
  const record = newRecord({ storePath, name: 'm', driverName: 'qemu', driver: {}, engine });
  return record.HostOptions.EngineOptions;
}

const system = '/etc/docker/daemon.json';
const ofUser = '/home/ann/.docker/daemon.json';

test('mirrors and insecure registries of every engine of this computer, told from where', async (t) => {
  const host = createFakeHost({
    homeDirectory: '/home/ann',
    tree: {
      [system]: JSON.stringify({ 'registry-mirrors': ['https://mirror.corp'], debug: true }),
      [ofUser]: JSON.stringify({
        'registry-mirrors': ['https://mirror.corp', 'http://localhost:5000'],
        'insecure-registries': ['registry.corp:5000', '10.0.0.0/8'],
      }),
    },
  });
  const { options, notes } = await withHostRegistries(host, optionsOf(), gateway);
  t.deepEqual(options?.RegistryMirror, ['https://mirror.corp', `http://${gateway}:5000`]);
  t.deepEqual(options?.InsecureRegistry, ['registry.corp:5000', '10.0.0.0/8']);
  t.deepEqual(notes, [
    `The engine uses registry mirrors of ${ofUser}: https://mirror.corp, http://${gateway}:5000.`,
    `The engine uses insecure registries of ${ofUser}: registry.corp:5000, 10.0.0.0/8.`,
  ]);
});

test('a list that was given at create stays as it is, the other one follows', async (t) => {
  const config = { 'registry-mirrors': ['https://mirror.corp'], 'insecure-registries': ['other:5000'] };
  const host = createFakeHost({ tree: { [system]: JSON.stringify(config) } });
  const given = optionsOf({ RegistryMirror: ['https://own.example'] });
  const { options } = await withHostRegistries(host, given, gateway);
  t.deepEqual(options?.RegistryMirror, ['https://own.example']);
  t.deepEqual(options?.InsecureRegistry, ['other:5000']);
});

test('what the engine would not start with, or cannot reach, is left out and told', async (t) => {
  const config = {
    'registry-mirrors': ['ftp://x', 'https://ann:secret@mirror.corp', 'http://127.0.0.1:5000', 7],
    'insecure-registries': ['http://registry.corp', 'a b'],
  };
  const host = createFakeHost({ tree: { [system]: JSON.stringify(config) } });
  const { options, notes } = await withHostRegistries(host, optionsOf(), undefined);
  t.deepEqual(options, optionsOf());
  t.is(notes.length, 2);
  t.regex(notes.join('\n'), /cannot: ftp:\/\/x, .*http:\/\/127\.0\.0\.1:5000/);
  t.notRegex(notes.join('\n'), /secret/);
});

test('a broken file, or none, is nothing', async (t) => {
  for (const text of ['{', '[]', 'null', '{"registry-mirrors": "x"}', undefined]) {
    const host = createFakeHost({ tree: text === undefined ? {} : { [system]: text } });
    t.deepEqual(await withHostRegistries(host, optionsOf(), gateway), { options: optionsOf(), notes: [] });
  }
});

test('Windows: of Docker Desktop, and of the engine of Windows', async (t) => {
  const host = createFakeHost({
    platform: 'win32',
    homeDirectory: 'C:\\Users\\ann',
    env: { ProgramData: 'C:\\ProgramData' },
    tree: {
      'C:\\Users\\ann\\.docker\\daemon.json': '{"registry-mirrors":["https://one.corp"]}',
      'C:\\ProgramData\\docker\\config\\daemon.json': '{"registry-mirrors":["https://two.corp"]}',
    },
  });
  const { options } = await withHostRegistries(host, optionsOf(), gateway);
  t.deepEqual(options?.RegistryMirror, ['https://one.corp', 'https://two.corp']);
});
