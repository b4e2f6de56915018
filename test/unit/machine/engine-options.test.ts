import fc from 'fast-check';
import test from 'ava';
import { engineArguments, engineEnvironment, liveEngineConfig } from '../../../src/machine/engine-options.ts';
import { newRecord } from '../../../src/store/new-record.ts';
import type { EngineOptions } from '../../../src/store/record.ts';
import { storePath } from './support.ts';

function options(engine: Partial<EngineOptions>): EngineOptions | null {
  const record = newRecord({ storePath, name: 'm', driverName: 'qemu', driver: {}, engine });
  return record.HostOptions.EngineOptions;
}

test('options become arguments of dockerd as docker-machine passes them', (t) => {
  const engine = options({
    ArbitraryFlags: ['log-level=debug', 'experimental'],
    Labels: ['a=b'],
    InsecureRegistry: ['r:5000'],
    RegistryMirror: ['https://mirror.example'],
    StorageDriver: 'overlay2',
  });
  t.deepEqual(engineArguments(engine, 'qemu'), [
    '--log-level=debug',
    '--experimental',
    '--label=a=b',
    '--label=provider=qemu',
    '--insecure-registry=r:5000',
    '--registry-mirror=https://mirror.example',
    '--storage-driver=overlay2',
  ]);
});

test('without options there is the label of the driver and nothing else', (t) => {
  t.deepEqual(engineArguments(options({}), 'none'), ['--label=provider=none']);
  t.deepEqual(engineArguments(null, 'none'), ['--label=provider=none']);
  t.deepEqual(engineEnvironment(null), []);
});

test('a value comes through as one line, unchanged, or is refused', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const engine = options({ Labels: [`k=${value}`] });
      try {
        t.true(engineArguments(engine, 'qemu').includes(`--label=k=${value}`));
        t.false(/[\n\r\0]/.test(value));
      } catch (error) {
        t.is((error as { code?: string }).code, 'flag-invalid');
        t.true(/[\n\r\0]/.test(value));
      }
    }),
  );
});

test('the environment takes assignments only', (t) => {
  t.deepEqual(engineEnvironment(options({ Env: ['A=1', '_b=$x "y" `z`'] })), ['A=1', '_b=$x "y" `z`']);
  for (const bad of ['A', '1A=x', 'A B=x', '=x', 'A=x\ny']) {
    t.throws(() => engineEnvironment(options({ Env: [bad] })), { code: 'flag-invalid' }, bad);
  }
});

test('options that a running engine takes over become its configuration file', (t) => {
  const engine = options({
    Labels: ['a=b', 'c="d" ü'],
    InsecureRegistry: ['r:5000'],
    RegistryMirror: ['https://mirror.example'],
    StorageDriver: 'overlay2',
  });
  const live = liveEngineConfig(engine, 'qemu');
  const text = 'config' in live ? live.config : '';
  t.true(text.endsWith('}\n') && text.indexOf('\n') === text.length - 1);
  t.deepEqual(JSON.parse(text), {
    labels: ['a=b', 'c="d" ü', 'provider=qemu'],
    'insecure-registries': ['r:5000'],
    'registry-mirrors': ['https://mirror.example'],
  });
});

test('without options the configuration has the label of the driver, whether or not there is a record of them', (t) => {
  const usual = liveEngineConfig(null, 'qemu');
  t.deepEqual(liveEngineConfig(options({}), 'qemu'), usual);
  t.deepEqual(JSON.parse('config' in usual ? usual.config : ''), {
    labels: ['provider=qemu'],
    'insecure-registries': [],
    'registry-mirrors': [],
  });
});

test('options that an engine reads at its start alone are named', (t) => {
  const obstacleOf = (engine: Partial<EngineOptions>): string => {
    const live = liveEngineConfig(options(engine), 'qemu');
    return 'obstacle' in live ? live.obstacle : '';
  };
  t.regex(obstacleOf({ ArbitraryFlags: ['log-level=debug'] }), /--engine-opt$/);
  t.regex(obstacleOf({ Env: ['A=1'] }), /--engine-env$/);
  t.regex(obstacleOf({ StorageDriver: 'vfs' }), /--engine-storage-driver$/);
  t.is(obstacleOf({ StorageDriver: '' }), '');
});

test('a label or mirror with which the engine would not start is refused', (t) => {
  const refused = (change: Partial<EngineOptions>): void => {
    t.throws(
      () => engineArguments(options(change), 'qemu'),
      { code: 'flag-invalid' },
      JSON.stringify(change),
    );
  };
  for (const label of ['blue', '=blue', 'a b=c', '']) {
    refused({ Labels: [label] });
  }
  for (const mirror of [
    'mirror.example',
    'ftp://mirror.example',
    'https://mirror.example/path',
    'https://mirror.example/?q',
    'https://user@mirror.example',
    '',
  ]) {
    refused({ RegistryMirror: [mirror] });
  }
  const fine = {
    Labels: ['a=', 'com.example/b=c d=e'],
    RegistryMirror: ['http://10.0.0.1:5000', 'https://m.example/'],
  };
  t.true(engineArguments(options(fine), 'qemu').includes('--registry-mirror=http://10.0.0.1:5000'));
});
