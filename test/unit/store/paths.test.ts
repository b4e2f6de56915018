import test from 'ava';
import fc from 'fast-check';
import { MachineError } from '../../../src/core/errors.ts';
import {
  cacheLockPath,
  certFile,
  certsLockPath,
  findCaseTwin,
  isInside,
  machineDirectory,
  machineFile,
  machineLockPath,
  removedDirectory,
  requireNewName,
  resolveStorePath,
} from '../../../src/store/paths.ts';
import { createFakeHost } from '../../fakes/host.ts';

const codeOf = (action: () => unknown): string => {
  try {
    action();
    return 'accepted';
  } catch (error) {
    return error instanceof MachineError ? error.code : String(error);
  }
};

// Refused for every machine, whatever the command.
const impossible = [
  '',
  '.',
  '..',
  '...',
  '../x',
  '../../etc',
  'a/b',
  'a\\b',
  '/etc',
  'C:',
  'C:\\x',
  '-rf',
  '--help',
  '.hidden',
  'con',
  'CON',
  'con.txt',
  'nul',
  'aux',
  'prn',
  'com1',
  'LPT9',
  'a.',
  'a..',
  'a b',
  ' a',
  'a\nb',
  'a\n',
  'a\u0000b',
  'a\u001b[31m',
  '$(id)',
  '`id`',
  'a;b',
  'a&b',
  'a|b',
  'a"b',
  "a'b",
  'a*',
  'a?',
  'a:b',
  'a%b',
  'é',
  'ａ',
  'a\u202eb',
  '~',
  '_a',
  'a_b',
  'x'.repeat(201),
  'x'.repeat(255),
  'x'.repeat(5000),
];

for (const name of impossible) {
  test(`an impossible name is refused before any path is made: ${JSON.stringify(name.slice(0, 20))} (${name.length})`, (t) => {
    for (const make of [machineDirectory, machineLockPath, removedDirectory]) {
      t.is(
        codeOf(() => make('/store', name)),
        'name-invalid',
      );
    }
    t.is(
      codeOf(() => machineFile('/store', name, 'config')),
      'name-invalid',
    );
    t.is(
      codeOf(() => {
        requireNewName(name);
      }),
      'name-invalid',
    );
    const error = t.throws(() => machineDirectory('/store', name), { instanceOf: MachineError });
    // eslint-disable-next-line no-control-regex -- looking for control characters is the purpose
    t.notRegex(error.message, /[\u0000-\u001f]/);
    t.true(error.message.length < 600);
  });
}

test('longer names that a docker-machine store may hold are accepted, but not for new machines', (t) => {
  for (const name of ['x'.repeat(64), 'x'.repeat(200)]) {
    t.is(machineDirectory('/store', name), `/store/machines/${name}`);
    t.is(
      codeOf(() => {
        requireNewName(name);
      }),
      'name-invalid',
    );
  }
});

test('new names', (t) => {
  for (const name of [
    'a',
    'default',
    '0',
    'a-b.c',
    'x'.repeat(63),
    'console',
    'com10',
    'A',
    'Build-1.Example',
    'runner-abc123-1700000000-deadbeef',
  ]) {
    t.notThrows(() => {
      requireNewName(name);
    }, name);
  }
});

test('no name leads out of machines/', (t) => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constantFrom('/s', 'C:\\s'),
      (name, store) => {
        try {
          const directory = machineDirectory(store, name);
          const machines = store === '/s' ? '/s/machines' : 'C:\\s\\machines';
          return (
            directory === `${machines}${store === '/s' ? '/' : '\\'}${name}` && isInside(machines, directory)
          );
        } catch (error) {
          return error instanceof MachineError && error.code === 'name-invalid';
        }
      },
    ),
    { numRuns: 5000 },
  );
  t.pass();
});

test('the store is where option, environment or home say', (t) => {
  const { facts } = createFakeHost();
  t.is(resolveStorePath(facts), '/home/ann/.docker/machine');
  t.is(resolveStorePath({ ...facts, env: { MACHINE_STORAGE_PATH: '/srv/m' } }), '/srv/m');
  t.is(resolveStorePath({ ...facts, env: { MACHINE_STORAGE_PATH: '/srv/m' } }, '/opt/m'), '/opt/m');
  t.is(resolveStorePath({ ...facts, env: { MACHINE_STORAGE_PATH: '' } }, ''), '/home/ann/.docker/machine');
  t.is(resolveStorePath(facts, 'rel/../x'), '/home/ann/x');
  t.is(
    codeOf(() => resolveStorePath(facts, 'a\u0000b')),
    'arguments-invalid',
  );
});

test('Windows paths are right on every platform', (t) => {
  const { facts } = createFakeHost({ platform: 'win32' });
  t.is(resolveStorePath(facts), 'C:\\Users\\ann\\.docker\\machine');
  t.is(resolveStorePath(facts, 'x\\y'), 'C:\\Users\\ann\\x\\y');
  t.is(machineFile('C:\\s', 'dev', 'config'), 'C:\\s\\machines\\dev\\config.json');
  t.is(machineLockPath('\\\\srv\\share\\s', 'dev'), '\\\\srv\\share\\s\\machines\\.dev.lock');
  t.true(isInside('C:\\s', 'c:\\S\\x'));
  t.false(isInside('C:\\s', 'D:\\s\\x'));
});

test('locks are no machines', (t) => {
  t.is(machineLockPath('/s', 'dev'), '/s/machines/.dev.lock');
  t.is(removedDirectory('/s', 'dev'), '/s/machines/.dev.removed');
  t.is(certsLockPath('/s'), '/s/.certs.lock');
  t.is(cacheLockPath('/s'), '/s/.cache.lock');
  t.is(certFile('/s', 'caKey'), '/s/certs/ca-key.pem');
});

test('inside is a matter of segments', (t) => {
  t.true(isInside('/s/machines', '/s/machines'));
  t.true(isInside('/s/machines', '/s/machines/a/b'));
  t.true(isInside('/s/machines', '/s/machines/..a'));
  t.false(isInside('/s/machines', '/s/machines-evil'));
  t.false(isInside('/s/machines', '/s/machines/../etc'));
  t.false(isInside('/s/machines', '/s'));
});

test('case twins', (t) => {
  t.is(findCaseTwin(['A', 'b'], 'a'), 'A');
  t.is(findCaseTwin(['a', 'b'], 'a'), undefined);
});
