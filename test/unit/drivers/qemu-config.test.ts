import test from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import type { FlagValues } from '../../../src/drivers/driver.ts';
import { configure, readConfig } from '../../../src/drivers/qemu/config.ts';
import { manifest } from '../../../src/drivers/qemu/manifest.ts';

test('the defaults of the flags give the defaults of the record', (t) => {
  const values = Object.fromEntries(manifest.flags.map((flag) => [flag.name, flag.default])) as FlagValues;
  const expected = {
    CPU: 2,
    Memory: 2048,
    DiskSize: 20_000,
    Program: '',
    Boot2DockerURL: '',
    Accel: 'auto',
    EnginePort: 0,
  };
  t.deepEqual(configure(values).config, expected);
  t.deepEqual(configure({}).config, expected);
  t.deepEqual(configure({}).common, { ipAddress: '127.0.0.1', sshUser: 'docker' });
});

test('what is configured can be read back', (t) => {
  const { config } = configure({
    'qemu-cpu-count': 4,
    'qemu-memory': 4096,
    'qemu-disk-size': 51_200,
    'qemu-accel': 'tcg',
    'qemu-program': '/opt/qemu/bin/qemu-system-x86_64',
    'qemu-boot2docker-url': '/images/x',
  });
  t.is(config['Boot2DockerURL'], '/images/x');
  t.deepEqual(readConfig(config), {
    cpus: 4,
    memoryMiB: 4096,
    diskSizeMiB: 51_200,
    accelerator: 'tcg',
    program: '/opt/qemu/bin/qemu-system-x86_64',
    enginePort: 0,
  });
});

test('values that cannot work are refused with the flag and the limit', (t) => {
  const cases: readonly (readonly [FlagValues, RegExp])[] = [
    [{ 'qemu-memory': 511 }, /--qemu-memory must be at least 512 MB, not 511/],
    [{ 'qemu-cpu-count': 0 }, /--qemu-cpu-count must be at least 1, not 0/],
    [{ 'qemu-cpu-count': 1.5 }, /whole number/],
    [{ 'qemu-disk-size': 999 }, /--qemu-disk-size must be at least 1000 MB/],
    [{ 'qemu-memory': '2g' }, /--qemu-memory must be a whole number, not "2g"/],
    [{ 'qemu-memory': Number.MAX_SAFE_INTEGER }, /at most/],
    [{ 'qemu-accel': 'warp' }, /--qemu-accel "warp" is not known/],
    [{ 'qemu-program': 'bin/qemu' }, /a path must be absolute/],
    [{ 'qemu-program': 'qemu\n' }, /control characters/],
    [{ 'qemu-program': true }, /takes one text/],
  ];
  for (const [values, message] of cases) {
    const error = t.throws(() => configure(values), { message });
    t.true(isMachineError(error) && error.code === 'flag-invalid' && error.exitCode === 2);
  }
});

test("records of docker-machine's plugin are understood", (t) => {
  const raw = {
    ...{
      IPAddress: '',
      MachineName: 'old',
      SSHUser: 'docker',
      SSHPort: 22,
      EnginePort: 2376,
      FirstQuery: true,
    },
    ...{ Memory: 1024, DiskSize: 20_000, CPU: 1, Program: 'qemu-system-x86_64', Network: 'user' },
    ...{ Boot2DockerURL: '', DiskPath: '/store/machines/old/old.img', CacheMode: 'default' },
  };
  t.deepEqual(readConfig(raw), {
    cpus: 1,
    memoryMiB: 1024,
    diskSizeMiB: 20_000,
    accelerator: 'auto',
    program: 'qemu-system-x86_64',
    enginePort: 2376,
  });
  t.deepEqual(readConfig({}), {
    cpus: 2,
    memoryMiB: 2048,
    diskSizeMiB: 20_000,
    accelerator: 'auto',
    program: '',
    enginePort: 0,
  });
});

test('hostile records are refused', (t) => {
  const cases = [
    { CPU: '2' },
    { CPU: 0 },
    { CPU: 1e9 },
    { Memory: -1 },
    { Memory: Number.NaN },
    { DiskSize: 1.5 },
    { DiskSize: {} },
    { Accel: 'tcg,tb-size=1' },
    { Accel: 1 },
    { EnginePort: 65_536 },
    { EnginePort: '2376' },
    { Program: '../../evil' },
    { Program: ['sh'] },
    { Program: '/bin/\u0000sh' },
  ];
  for (const raw of cases) {
    const error = t.throws(() => readConfig(raw), undefined, JSON.stringify(raw));
    t.true(isMachineError(error) && error.code === 'record-invalid');
  }
});
