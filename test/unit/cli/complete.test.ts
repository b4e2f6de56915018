import test from 'ava';
import { createFakeHost } from '../../fakes/host.ts';
import { createFakeIo } from '../../fakes/io.ts';
import { run } from '../../../src/cli/main.ts';

const store = '/home/ann/.docker/machine';

const record = (driverName: string): string =>
  JSON.stringify({ ConfigVersion: 3, Driver: { URL: 'tcp://h:1' }, DriverName: driverName, HostOptions: {} });

/** Two directories whose state nobody knows, one machine that is stopped, and one that cannot be stopped or started. */
const tree = {
  [`${store}/machines/dev/config.json`]: '{',
  [`${store}/machines/web/config.json`]: '{',
  [`${store}/machines/off/config.json`]: record('qemu'),
  [`${store}/machines/url/config.json`]: record('none'),
  '/other/machines/far/config.json': '{',
};

async function completions(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const host = createFakeHost({ tree, env });
  // Time stands still: nobody is too late.
  host.clock.mode = 'manual';
  const io = createFakeIo(host);
  requireQuiet(
    await run(['completion', 'words', ...words.slice(0, -1), `=${words.at(-1) ?? ''}`], io),
    io.stderr.text,
  );
  return io.stdout.text.split('\n').filter((word) => word !== '');
}

function requireQuiet(code: number, text: string): void {
  if (code !== 0 || text !== '') {
    throw new Error(`exit code ${code}: ${text}`);
  }
}

const cases: readonly (readonly [string, readonly string[]])[] = [
  ['st', ['start', 'status', 'stop']],
  ['-D st', ['start', 'status', 'stop']],
  ['--stor', ['--storage-path']],
  ['image l', ['lock', 'ls']],
  ['image b', ['bake', 'baked', 'build']],
  ['image bake -d amazonec2 --amazonec2-am', ['--amazonec2-ami']],
  ['image bake --engine-i', ['--engine-insecure-registry', '--engine-install-url']],
  ['image rm -d amazonec2 --amazonec2-reg', ['--amazonec2-region']],
  ['image build --arch ', ['amd64', 'arm64']],
  ['image build ', []],
  ['rm --', ['--force', '--help']],
  ['create ', []],
  ['create -d n', ['none']],
  ['create -d none --u', ['--url']],
  ['create --driver=none --u', ['--url']],
  ['create -d none --qemu', []],
  ['create --on-error ', ['keep', 'rollback']],
  ['env --shell p', ['powershell', 'pwsh']],
  ['env --shell=p', ['--shell=powershell', '--shell=pwsh']],
  ['bogus ', []],
  ['help imag', ['image']],
  // Machines in a state in which the command is of use, and those of which nothing is known.
  ['start ', ['dev', 'off', 'web']],
  ['stop ', ['dev', 'web']],
  ['kill ', ['dev', 'web']],
  ['env ', ['dev', 'url', 'web']],
  ['url ', ['dev', 'url', 'web']],
  ['ssh ', ['dev', 'url', 'web']],
  ['rm ', ['dev', 'off', 'url', 'web']],
  ['inspect -f x ', ['dev', 'off', 'url', 'web']],
  // No more names than the command takes, and none twice.
  ['start dev w', ['web']],
  ['rm dev -f ', ['off', 'url', 'web']],
  ['url dev ', []],
  ['ssh dev ', []],
  ['ls ', []],
  // A place on a machine.
  ['scp d', ['dev:']],
  ['scp -r file ', ['dev:', 'url:', 'web:']],
  ['mount w', ['web:']],
  // As bash takes words apart.
  [
    'create --driver =',
    [
      'amazonec2',
      'azure',
      'digitalocean',
      'generic',
      'google',
      'hetzner',
      'hyperv',
      'libvirt',
      'none',
      'openstack',
      'qemu',
      'virtualbox',
      'vz',
    ],
  ],
  ['create --driver = n', ['none']],
  ['create --driver = none --u', ['--url']],
  ['scp dev :', []],
  ['scp dev : /x', []],
  // The store that is named.
  ['-s /other rm ', ['far']],
  ['--storage-path=/other rm ', ['far']],
  ['--storage-path ', []],
];

for (const [line, expected] of cases) {
  test(`completes: ${line}|`, async (t) => {
    t.deepEqual(await completions(line.split(' ')), expected);
  });
}

test('flags of create are those of the driver in the environment when none is named', async (t) => {
  const line = ['create', '--qemu-m'];
  t.deepEqual(await completions(line, { MACHINE_DRIVER: 'none' }), []);
  t.true((await completions(line)).includes('--qemu-memory'));
});

test('the scripts call the program by the name it has', async (t) => {
  for (const shell of ['bash', 'zsh', 'fish', 'powershell']) {
    const io = createFakeIo(createFakeHost(), { program: 'docker-machine' });
    t.is(await run(['completion', shell], io), 0);
    t.regex(io.stdout.text, /docker-machine completion words/);
    t.notRegex(io.stdout.text, /tsmachine|_docker-/);
  }
  const io = createFakeIo(createFakeHost());
  t.is(await run(['completion', 'zzz'], io), 2);
});
