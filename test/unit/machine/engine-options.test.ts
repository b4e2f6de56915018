import fc from 'fast-check';
import test from 'ava';
import { engineArguments, engineEnvironment } from '../../../src/machine/engine-options.ts';
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
