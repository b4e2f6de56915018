import type { GoldenRow } from './row.ts';

const none = 'create -d none --url tcp://127.0.0.1:1';
const firstMachine = ['Creating CA: STORE/certs/ca.pem', 'Creating client certificate: STORE/certs/cert.pem'];
const made = (name: string): string[] => [
  'Running pre-create checks...',
  'Creating machine...',
  `To see how to connect your Docker Client to the Docker Engine running on this virtual machine, run: PROG env ${name}`,
  '',
];
const urlNeeded =
  'Error setting machine configuration from flags provided: --url option is required when no driver is selected';

function ok(argv: string, name: string, more: Partial<GoldenRow> = {}): GoldenRow {
  return {
    argv,
    setting: 'empty',
    exit: 0,
    stdout: [...firstMachine, ...made(name)],
    stderr: [],
    ...more,
  };
}

function refused(argv: string, text: string, more: Partial<GoldenRow> = {}): GoldenRow {
  return {
    argv,
    setting: 'one',
    exit: 2,
    stdout: [],
    stderr: [text, ''],
    after: { names: ['default'] },
    differs: 'usage errors',
    ...more,
  };
}

/** `create`. */
export const createRows: readonly GoldenRow[] = [
  ok(`${none} a`, 'a', { after: { names: ['a'] } }),
  ok('create NAME --driver none --url tcp://127.0.0.1:1', 'NAME'),
  ok('create NAME --driver none --url tcp://127.0.0.1:1 --swarm=false', 'NAME'),
  ok(`${none} -- a.b-C`, 'a.b-C'),
  ok('create --url tcp://127.0.0.1:1 x', 'x', { env: { MACHINE_DRIVER: 'none' } }),
  ok('create -driver none --url tcp://127.0.0.1:1 x', 'x', { differs: 'create -driver' }),
  ok(`${none} c`, 'c', {
    env: { ENGINE_REGISTRY_MIRROR: 'http://m1, http://m2' },
    after: { record: ['c', 'HostOptions.EngineOptions.RegistryMirror', ['http://m1', 'http://m2']] },
  }),
  ok(`${none} --engine-registry-mirror http://m2 d`, 'd', {
    env: { ENGINE_REGISTRY_MIRROR: 'http://m1' },
    after: { record: ['d', 'HostOptions.EngineOptions.RegistryMirror', ['http://m1', 'http://m2']] },
  }),
  ok(`${none} --engine-label x=1 --engine-label y=2,z=3 d`, 'd', {
    after: { record: ['d', 'HostOptions.EngineOptions.Labels', ['x=1', 'y=2,z=3']] },
  }),
  ...['create', 'create -d none'].map((argv) =>
    refused(argv, 'Error: No machine name specified', { stdout: ['HELP'] }),
  ),
  ...['create -d none x', 'create -d none --url= x', 'create -d=none --url= NAME'].map((argv) =>
    refused(argv, urlNeeded),
  ),
  refused('create x', urlNeeded, { env: { MACHINE_DRIVER: 'none' } }),
  refused(
    'create -d bogus x',
    'Driver "bogus" not found. Do you have the plugin binary "docker-machine-driver-bogus" accessible in your PATH?',
  ),
  refused(`${none} NAME extra`, 'Invalid command line. Found extra arguments [extra]'),
  refused(`${none} --swarm=true false NAME`, 'Invalid command line. Found extra arguments [NAME]'),
  refused(`${none} default`, 'Docker machine "default" already exists', { exit: 1, differs: undefined }),
  ...['_bad', '-', '.', '..', '∞'].map((name) =>
    refused(
      `${none} ${name}`,
      'Error creating machine: Invalid hostname specified. Allowed hostname chars are: 0-9a-zA-Z . -',
    ),
  ),
  refused(
    'create -d none --swarm --swarm-discovery bad --url tcp://1 sw',
    'Error parsing swarm discovery: Swarm Discovery URL was in the wrong format: bad',
  ),
  refused(`${none} half`, 'Docker machine "half" already exists', {
    setting: 'broken',
    exit: 1,
    differs: undefined,
    after: { names: ['a', 'half', 'px'] },
  }),
];
