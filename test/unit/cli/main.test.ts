import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { createFakeHost, type FakeHost, type FakeHostOptions } from '../../fakes/host.ts';
import { createFakeIo } from '../../fakes/io.ts';
import { commands, shownCommands, verbs } from '../../../src/cli/commands.ts';
import type { ProgramName } from '../../../src/cli/io.ts';
import { run } from '../../../src/cli/main.ts';
import { readSshLine } from '../../../src/cli/verbs/ssh.ts';

const store = '/home/ann/.docker/machine';

/** A record of a machine of the driver none, as docker-machine writes it. */
function recordOf(name: string, more: { readonly url?: string; readonly driver?: object } = {}): string {
  const url = more.url ?? `tcp://127.0.0.1:1`;
  return JSON.stringify({
    ConfigVersion: 3,
    Driver: { IPAddress: '127.0.0.1:1', MachineName: name, StorePath: store, URL: url, ...more.driver },
    DriverName: 'none',
    HostOptions: {
      EngineOptions: { Labels: ['a=<b>&c'], Env: ['HTTP_PROXY=http://ann:pw@proxy.example:3128'] },
      SwarmOptions: {},
      AuthOptions: {},
    },
    Name: name,
  });
}

function hostWith(machines: Readonly<Record<string, string>>, options: FakeHostOptions = {}): FakeHost {
  const files = Object.entries(machines).map(([name, record]) => [
    `${store}/machines/${name}/config.json`,
    record,
  ]);
  const tree = Object.fromEntries(files) as Record<string, string>;
  return createFakeHost({
    env: { SHELL: '/bin/bash', ...options.env },
    ...options,
    tree: {
      '/opt/tsmachine/package.json': '{"version":"1.2.3"}',
      ...tree,
      ...options.tree,
    },
  });
}

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function call(
  line: string | readonly string[],
  options: { readonly host?: FakeHost; readonly program?: ProgramName; readonly input?: string } = {},
): Promise<Outcome> {
  const io = createFakeIo(options.host ?? hostWith({ a: recordOf('a'), b: recordOf('b') }), options);
  const code = await run(typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line, io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

for (const line of ['', 'help', 'h', '--help', '-h', '--debug=false help']) {
  test(`general help: ${line === '' ? '(nothing)' : line}`, async (t) => {
    const { code, out, err } = await call(line);
    t.is(code, 0);
    t.is(err, '');
    t.regex(out, /^Usage: tsmachine \[OPTIONS\] COMMAND \[arg\.\.\.\]\n/);
    for (const { name, summary } of shownCommands) {
      t.true(
        out.split('\n').some((each) => each.startsWith(`  ${name} `) && each.endsWith(summary)),
        name,
      );
    }
    t.false(out.includes('bugsnag'));
    t.false(/^ +agent /m.test(out), 'only the program itself calls it');
  });
}

for (const { name } of commands) {
  test(`help of ${name}, and its verb is there`, async (t) => {
    for (const line of [`${name} --help`, `${name} -h`, `help ${name}`]) {
      const { code, out, err } = await call(line);
      t.is(code, 0, line);
      t.is(err, '');
      t.regex(
        out,
        name === 'help' && line !== 'help help' ? /COMMAND/ : new RegExp(`^Usage: tsmachine ${name} `),
      );
    }
    t.is(typeof (await verbs[name]()).default, 'function');
  });
}

test('help of create shows the common flags and those of the driver that is named', async (t) => {
  for (const line of ['create -d none --help', 'create --driver=none -h', 'create -driver none --help']) {
    const { code, out } = await call(line);
    t.is(code, 0);
    t.regex(out, /--url .*\[\$NONE_URL\]/);
    t.regex(out, /--engine-label/);
    t.regex(
      out,
      /--engine-install-url .*\(default: https:\/\/get\.docker\.com\) \[\$MACHINE_DOCKER_INSTALL_URL\]/,
    );
    t.notRegex(out, /--qemu-memory/);
    t.regex(out, /Drivers:\n {2}amazonec2 .*\n(?: {2}.*\n)* {2}generic .*\n(?: {2}.*\n)* {2}none +/);
  }
  t.regex((await call('create --help')).out, /--qemu-memory/);
  t.regex(
    (await call('create --help', { host: hostWith({}, { env: { MACHINE_DRIVER: 'none' } }) })).out,
    /--url/,
  );
});

const usageErrors: readonly (readonly [string, string])[] = [
  ['bogus', "tsmachine: 'bogus' is not a tsmachine command. See 'tsmachine --help'. [command-unknown]"],
  [
    'nosuch --help',
    "tsmachine: 'nosuch' is not a tsmachine command. See 'tsmachine --help'. [command-unknown]",
  ],
  ['help bogus', "tsmachine: 'bogus' is not a tsmachine command. See 'tsmachine --help'. [command-unknown]"],
  [
    'image bogus',
    "tsmachine: 'image bogus' is not a tsmachine command. See 'tsmachine --help'. [command-unknown]",
  ],
  ['--bogus', 'flag provided but not defined: -bogus [flag-unknown]'],
  ['ls --bogus', 'flag provided but not defined: -bogus [flag-unknown]'],
  ['ls -qt 1', 'flag provided but not defined: -qt [flag-unknown]'],
  ['ls --storage-path X', 'flag provided but not defined: -storage-path [flag-unknown]'],
  ['ls -t abc', 'invalid value "abc" for flag -t: parse error [flag-invalid]'],
  ['ls -t', 'flag needs an argument: -t [flag-invalid]'],
  ['ls -q=maybe', 'invalid boolean value "maybe" for -q: parse error [flag-invalid]'],
  ['status a b', 'Expected one machine name as an argument [arguments-invalid]'],
  ['url a b', 'Expected one machine name as an argument [arguments-invalid]'],
  ['env a b', 'Expected one machine name as an argument [arguments-invalid]'],
  ['version a b', 'Expected one machine name as an argument [arguments-invalid]'],
  ['env -u a', 'Expected no machine name when the -u flag is present [arguments-invalid]'],
  ['active x', 'Too many arguments given [arguments-invalid]'],
  ['rm', 'Expected to get one or more machine names as arguments [arguments-invalid]'],
  ['create', 'No machine name specified [arguments-invalid]'],
  ['create -d none', 'No machine name specified [arguments-invalid]'],
  ['create -d', 'flag needs an argument: -d [flag-invalid]'],
  ['create -d none --qemu-memory 1 x', 'flag provided but not defined: -qemu-memory [flag-unknown]'],
  [
    'create -d qemu --qemu-memory lots x',
    'invalid value "lots" for flag -qemu-memory: parse error [flag-invalid]',
  ],
  [
    'create -d none x',
    'Error setting machine configuration from flags provided: --url option is required when no driver is selected [flag-invalid]',
  ],
  [
    'create -d none --url= x',
    'Error setting machine configuration from flags provided: --url option is required when no driver is selected [flag-invalid]',
  ],
  [
    'create -d none --swarm --swarm-discovery bad --url tcp://1 x',
    'Error parsing swarm discovery: Swarm Discovery URL was in the wrong format: bad [flag-invalid]',
  ],
  [
    'create -d none --url tcp://1 --on-error explode x',
    'invalid value "explode" for flag -on-error [flag-invalid]',
  ],
  [
    'create -d none --url tcp://1 --tls-key-type dsa x',
    'invalid value "dsa" for flag -tls-key-type [flag-invalid]',
  ],
  ['image build --arch z80', 'invalid value "z80" for flag -arch [flag-invalid]'],
  ['image build --quality 12', 'invalid value "12" for flag -quality [flag-invalid]'],
  ['ssh -L 1:2:3 a', 'The name of the machine comes first, and -L is none. [arguments-invalid]'],
];

for (const [line, message] of usageErrors) {
  test(`a usage error: ${line}`, async (t) => {
    const { code, err } = await call(line);
    t.is(err.split('\n')[0], `error: ${message}`);
    t.is(code, 2);
  });
}

test('create without a name prints the help of its driver for completion', async (t) => {
  const { out } = await call('create -d none');
  t.regex(out, /--url/);
});

test('an unknown driver is said before anything else', async (t) => {
  const { code, err } = await call('create --driver nope --bogus');
  t.is(code, 2);
  t.regex(err, /nope.*\[driver-unknown\]/);
});

test('near words are suggested', async (t) => {
  t.regex((await call('lst')).err, /Did you mean "tsmachine ls"\?/);
  t.regex((await call('image bild')).err, /Did you mean "tsmachine image build"\?/);
  t.regex((await call('create -d none --ulr x')).err, /Did you mean --url\?/);
  t.notRegex((await call('xyzzyfoo')).err, /Did you mean/);
});

test('bad values in the environment are usage errors', async (t) => {
  const debug = await call('ls -q', { host: hostWith({}, { env: { MACHINE_DEBUG: 'xx' } }) });
  t.is(debug.code, 2);
  t.regex(debug.err, /MACHINE_DEBUG/);
  const memory = await call('create -d qemu x', { host: hostWith({}, { env: { QEMU_MEMORY: 'lots' } }) });
  t.is(memory.code, 2);
  t.regex(memory.err, /invalid value "lots" for environment variable QEMU_MEMORY/);
});

test('set wants something that is to be changed', async (t) => {
  const nothing = await call('set a', { host: hostWith({ a: recordOf('a') }) });
  t.is(nothing.code, 2);
  t.regex(nothing.err, /Nothing was said that is to be changed/);
  const none = await call('set a --cpus 2', { host: hostWith({ a: recordOf('a') }) });
  t.not(none.code, 0);
  t.regex(none.err, /--cpus cannot be changed for machines of the driver none/);
});

for (const command of [
  'autostart',
  'config',
  'env',
  'inspect',
  'ip',
  'kill',
  'logs',
  'restart',
  'ssh',
  'start',
  'status',
  'stop',
  'url',
  'use',
]) {
  test(`${command}: no name and no default machine, and a name that is not there`, async (t) => {
    const none = await call(command);
    t.is(none.code, 1);
    t.is(
      none.err.split('\n')[0],
      'error: No machine name(s) specified and no "default" machine exists [arguments-invalid]',
    );
    const missing = await call(`${command} nope`);
    t.is(missing.code, 1);
    t.is(missing.out, '');
    t.is(
      missing.err,
      'error: Docker machine "nope" does not exist. Use "tsmachine ls" to list machines. Use "tsmachine create" to add a new one. [machine-not-found]\n',
    );
  });
}

test('the default machine stands in for a name', async (t) => {
  const host = hostWith({ default: recordOf('default') });
  t.deepEqual(await call('url', { host }), { code: 0, out: 'tcp://127.0.0.1:1\n', err: '' });
});

test('names that are no names are refused by every command, with exit code 2', async (t) => {
  for (const name of ['..', '.', 'a/b', 'a\nb', '$(id)', '']) {
    for (const words of [
      ['url', name],
      ['inspect', name],
      ['rm', '-f', name],
      ['rm', '-y', name],
      ['start', name],
      ['env', name],
    ]) {
      const { code, err } = await call(words);
      t.is(code, 2, words.join(' '));
      t.regex(err, /\[name-invalid\]/);
    }
  }
  t.is((await call(['rm', '-y', '--', '-rf'])).code, 2);
});

test('url, ip, status, ls -q, config and inspect print their answer and nothing else', async (t) => {
  t.deepEqual(await call('url a'), { code: 0, out: 'tcp://127.0.0.1:1\n', err: '' });
  t.deepEqual(await call('ip a b'), { code: 0, out: '127.0.0.1\n127.0.0.1\n', err: '' });
  t.deepEqual(await call('status a'), { code: 0, out: 'Running\n', err: '' });
  t.deepEqual(await call('ls -q'), { code: 0, out: 'a\nb\n', err: '' });
  t.deepEqual(await call('ls -q extra'), { code: 0, out: 'a\nb\n', err: '' });
  t.deepEqual(await call('ls -q', { host: hostWith({}) }), { code: 0, out: '', err: '' });
  t.deepEqual(await call('config a b --no-check'), {
    code: 0,
    out: [
      '--tlsverify',
      `--tlscacert="${store}/machines/a/ca.pem"`,
      `--tlscert="${store}/machines/a/cert.pem"`,
      `--tlskey="${store}/machines/a/key.pem"`,
      '-H=tcp://127.0.0.1:1',
      '',
    ].join('\n'),
    err: '',
  });
  const { code, out, err } = await call('inspect a');
  t.is(code, 0);
  t.is(err, '');
  t.regex(out, /^\{\n {4}"ConfigVersion": 3,\n/);
  t.true(out.includes('"a=\\u003cb\\u003e\\u0026c"'));
  t.true(out.includes('http://***@proxy.example'));
});

test('the same as JSON', async (t) => {
  t.is((await call('url a --json')).out, '{"name":"a","url":"tcp://127.0.0.1:1"}\n');
  t.is((await call('ip a --json')).out, '[{"name":"a","address":"127.0.0.1"}]\n');
  t.is((await call('status --json a')).out, '{"name":"a","state":"Running","driver":"none"}\n');
  t.is((await call('ls -q --json')).out, '["a","b"]\n');
  t.deepEqual(JSON.parse((await call('env --json --no-check a')).out), {
    DOCKER_TLS_VERIFY: '1',
    DOCKER_HOST: 'tcp://127.0.0.1:1',
    DOCKER_CERT_PATH: `${store}/machines/a`,
    DOCKER_MACHINE_NAME: 'a',
  });
  const error = await call('url nope --json');
  t.is((JSON.parse(error.err) as { error: { code: string } }).error.code, 'machine-not-found');
  t.is((await call('version --json')).out, '{"program":"tsmachine","version":"1.2.3"}\n');
});

test('ip: those that have an address are printed, the others are errors; nothing when one is not there', async (t) => {
  const host = hostWith({ a: recordOf('a'), odd: recordOf('odd', { driver: { URL: 7 } }) });
  const { code, out, err } = await call('ip odd a', { host });
  t.is(code, 1);
  t.is(out, '127.0.0.1\n');
  t.regex(err, /^error: Error getting IP address: The record of this machine has no usable URL/);
  const missing = await call('ip a nope', { host });
  t.is(missing.out, '');
  t.regex(missing.err, /"nope" does not exist/);
});

test('inspect shows no secret', async (t) => {
  const host = hostWith({
    a: recordOf('a', {
      driver: { AccessToken: 's3cret', SecretKey: 's3cret', Password: '', SSHKeyPath: '/k/id_rsa' },
    }),
  });
  const { out } = await call('inspect a', { host });
  t.false(out.includes('s3cret'));
  t.true(out.includes('"AccessToken": "***"'));
  t.true(out.includes('"Password": ""'));
  t.true(out.includes('"SSHKeyPath": "/k/id_rsa"'));
});

test('env: the lines of the shell, with the command line as typed', async (t) => {
  const { code, out, err } = await call('-s /home/ann/.docker/machine env --no-check a');
  t.is(code, 0);
  t.is(err, '');
  t.deepEqual(out.split('\n'), [
    'export DOCKER_TLS_VERIFY="1"',
    'export DOCKER_HOST="tcp://127.0.0.1:1"',
    `export DOCKER_CERT_PATH="${store}/machines/a"`,
    'export DOCKER_MACHINE_NAME="a"',
    '# Run this command to configure your shell: ',
    '# eval $(tsmachine -s /home/ann/.docker/machine env --no-check a)',
    '',
  ]);
  const compatible = await call('env --no-check a', { program: 'docker-machine' });
  t.regex(compatible.out, /# eval \$\(docker-machine env --no-check a\)\n$/);
  const fish = await call('env --shell fish --no-check a');
  t.regex(fish.out, /^set -gx DOCKER_TLS_VERIFY "1";\n/);
});

test('env: unset', async (t) => {
  const { code, out } = await call('env -u --shell bash');
  t.is(code, 0);
  t.deepEqual(out.split('\n').slice(0, 4), [
    'unset DOCKER_TLS_VERIFY',
    'unset DOCKER_HOST',
    'unset DOCKER_CERT_PATH',
    'unset DOCKER_MACHINE_NAME',
  ]);
  t.regex((await call('env -u --no-proxy')).out, /\nunset NO_PROXY\n/);
  t.notRegex((await call('env -u')).out, /NO_PROXY/);
});

test('env: proxies', async (t) => {
  t.regex((await call('env --no-proxy --no-check a')).out, /\nexport NO_PROXY="127\.0\.0\.1"\n#/);
  const host = hostWith(
    { a: recordOf('a') },
    { env: { SHELL: '/bin/sh', HTTPS_PROXY: 'http://p:1', no_proxy: 'x' } },
  );
  t.regex((await call('env --no-check a', { host })).out, /\nexport no_proxy="x,127\.0\.0\.1"\n#/);
});

test('env: an unknown word gets the lines of sh and a note; no SHELL at all those of sh', async (t) => {
  const { code, out, err } = await call('env --shell bogus --no-check a');
  t.is(code, 0);
  t.regex(out, /^export DOCKER_TLS_VERIFY="1"\n/);
  t.regex(err, /Unknown shell "bogus"/);
  const host = hostWith({ a: recordOf('a') }, { env: { SHELL: '' } });
  const none = await call('env --no-check a', { host });
  t.is(none.code, 0);
  t.regex(none.out, /^export DOCKER_TLS_VERIFY="1"\n/);
  t.is(none.err, '');
});

test('env on Windows', async (t) => {
  const windows = 'C:\\Users\\Ann Doe\\.docker\\machine';
  const host = createFakeHost({
    platform: 'win32',
    homeDirectory: 'C:\\Users\\Ann Doe',
    env: {},
    tree: { [`${windows}\\machines\\a\\config.json`]: recordOf('a') },
  });
  const { code, out } = await call('env --shell powershell --no-check a', { host });
  t.is(code, 0);
  t.deepEqual(out.split('\n').slice(2, 5), [
    `$Env:DOCKER_CERT_PATH = '${windows}\\machines\\a'`,
    '$Env:DOCKER_MACHINE_NAME = "a"',
    '$Env:COMPOSE_CONVERT_WINDOWS_PATHS = "true"',
  ]);
});

test('a hostile command line cannot leave the comment', async (t) => {
  const { out } = await call(['-s', store, 'env', '--no-check', '--shell', 'sh\ntouch PWNED', 'a']);
  t.false(out.split('\n').some((line) => line.startsWith('touch')));
  const host = hostWith({ a: recordOf('a') });
  const tcsh = await call(['env', '--no-check', '--shell=tcsh', '--no-proxy=1', 'a', '--swarm=false'], {
    host,
  });
  t.regex(tcsh.out, /: eval `tsmachine env/);
  const odd = await call([
    '-s',
    '/home/ann/.docker/machine/../machine',
    '--tls-ca-cert',
    'x;id',
    'env',
    '--no-check',
    '--shell=tcsh',
    'a',
  ]);
  t.false(odd.out.includes('id'));
});

test('env and config say the truth about an engine that does not answer', async (t) => {
  const certificates = Object.fromEntries(
    ['ca.pem', 'cert.pem', 'key.pem'].map((name) => [`${store}/machines/a/${name}`, 'x']),
  );
  const host = hostWith({ a: recordOf('a') }, { tree: certificates });
  for (const line of ['env a', 'config a']) {
    const { code, out, err } = await call(line, { host });
    t.is(code, 1);
    t.is(out, '');
    const prefix =
      line === 'env a' ? 'Error checking TLS connection' : 'Error running connection boilerplate';
    t.is(
      err.split('\n')[0],
      `error: ${prefix}: Error checking and/or regenerating the certs: There was an error validating certificates for host "127.0.0.1:1": dial tcp 127.0.0.1:1: connect: connection refused [engine-unreachable]`,
    );
    t.regex(err, /\nwhy: .*Nothing listens on the port/);
  }
  t.regex(
    (await call('env --swarm a')).err,
    /"a" is not a swarm master\. The --swarm flag is intended for use with swarm masters/,
  );
});

test('active', async (t) => {
  const machines = { a: recordOf('a'), b: recordOf('b', { url: 'tcp://127.0.0.1:2' }), broken: '{' };
  const manual = (env: Record<string, string>): FakeHost => {
    const host = hostWith(machines, { env });
    host.clock.mode = 'manual';
    return host;
  };
  t.deepEqual(await call('active', { host: manual({ DOCKER_HOST: 'tcp://127.0.0.1:2' }) }), {
    code: 0,
    out: 'b\n',
    err: '',
  });
  for (const env of [{}, { DOCKER_HOST: 'tcp://127.0.0.1:3' }]) {
    const { code, err } = await call('active', { host: manual(env) });
    t.is(code, 1);
    t.regex(err, /^error: No active host found/);
  }
});

test('version', async (t) => {
  for (const line of ['version', '-v', '--version']) {
    t.deepEqual(await call(line), { code: 0, out: 'tsmachine version 1.2.3\n', err: '' });
  }
  t.is(
    (await call('version', { program: 'docker-machine' })).out,
    'docker-machine version 0.16.2, build tsmachine-1.2.3\n',
  );
});

test('accepted global options have no effect', async (t) => {
  const line = '--bugsnag-api-token=no-report --github-api-token x --native-ssh --tls-ca-cert y -D=0 url a';
  t.deepEqual(await call(line), { code: 0, out: 'tcp://127.0.0.1:1\n', err: '' });
});

test('an option without effect is spoken of at a terminal alone', async (t) => {
  const line = ['--bugsnag-api-token=no-report', '--native-ssh', 'url', 'a'];
  const note = 'Note: --bugsnag-api-token has no effect here: no report is ever sent.\n';
  const ofSsh = 'Note: --native-ssh has no effect here: only ssh and scp run programs of their own.\n';
  for (const program of ['tsmachine', 'docker-machine'] as const) {
    const shown = createFakeIo(hostWith({ a: recordOf('a') }), { program, isTTY: true });
    t.is(await run(line, shown), 0);
    t.is(shown.stderr.text, note + ofSsh);
    t.is(shown.stdout.text, 'tcp://127.0.0.1:1\n');
    t.is((await call(line, { program })).err, '');
  }
  // Nobody typed what stands in the environment.
  const host = hostWith({ a: recordOf('a') }, { env: { MACHINE_GITHUB_API_TOKEN: 'x' } });
  const silent = createFakeIo(host, { isTTY: true });
  t.is(await run(['url', 'a'], silent), 0);
  t.is(silent.stderr.text, '');
});

test('called as docker-machine, the help has the options of docker-machine', async (t) => {
  const general = await call('--help', { program: 'docker-machine' });
  const create = await call('create -d none --help', { program: 'docker-machine' });
  for (const line of [
    '  --bugsnag-api-token \t+BugSnag API token for crash reporting \\[\\$MACHINE_BUGSNAG_API_TOKEN\\]',
    '  --github-api-token \t+Token to use for requests to the Github API \\[\\$MACHINE_GITHUB_API_TOKEN\\]',
    '  --native-ssh\t+Use the native \\(Go-based\\) SSH implementation. \\[\\$MACHINE_NATIVE_SSH\\]',
    '  --tls-ca-cert \t+CA to verify remotes against \\[\\$MACHINE_TLS_CA_CERT\\]',
    '  --debug, -D\t+Enable debug mode',
  ]) {
    t.regex(general.out, new RegExp(`^${line}`, 'm'));
  }
  for (const line of [
    '   --swarm\t+Configure Machine to join a Swarm cluster',
    '   --swarm-discovery \t+Discovery service to use with Swarm',
    '   --swarm-host "tcp://0.0.0.0:3376"\t+ip/socket to listen on for Swarm master',
    '   --swarm-image "swarm:latest"\t+Specify Docker image to use for Swarm \\[\\$MACHINE_SWARM_IMAGE\\]',
    '   --swarm-opt \\[--swarm-opt option --swarm-opt option\\]\t+Define arbitrary flags for Swarm master',
    '   --swarm-strategy "spread"\t+Define a default scheduling strategy for Swarm',
  ]) {
    t.regex(create.out, new RegExp(`^${line}`, 'm'));
  }
  t.notRegex((await call('create -d none --help')).out, /swarm/);
  t.notRegex((await call('--help')).out, /bugsnag/);
});

test('create takes no certificates but those of the store', async (t) => {
  const { code, err } = await call('--tls-ca-cert /etc/ca.pem create -d none --url tcp://127.0.0.1:2 x');
  t.is(code, 2);
  t.is(err.split('\n')[0], `error: --tls-ca-cert can only be ${store}/certs/ca.pem [flag-invalid]`);
  const own = `--tls-ca-cert ${store}/certs/ca.pem create -d none --url tcp://127.0.0.1:2 x`;
  t.is((await call(own)).code, 0);
});

test('rm asks, and says so when nobody answers', async (t) => {
  for (const [input, isAsked] of [
    ['n\n', true],
    ['', false],
    ['\n', true],
  ] as const) {
    const host = hostWith({ a: recordOf('a') });
    const { code, out, err } = await call('rm a', { host, input });
    t.is(code, 0);
    t.is(out, '');
    t.regex(
      err,
      /^About to remove a\nWARNING: This action will delete both local reference and remote instance\.\nAre you sure\? \(y\/n\): /,
    );
    t.is(err.includes('Nothing was removed'), !isAsked);
    t.true((await call('ls -q', { host })).out.includes('a'));
  }
});

test('rm -f of a machine that is not there is no error', async (t) => {
  const { code, err } = await call('rm -f nope');
  t.is(code, 0);
  t.regex(err, /Can't remove "nope"/);
  const { code: plain, err: text } = await call('rm -y nope');
  t.is(plain, 1);
  t.regex(text, /^error: Error removing host "nope": Docker machine "nope" does not exist\./m);
});

test('as docker-machine, what is no answer goes to stdout, errors to stderr', async (t) => {
  const { out, err } = await call('rm nope', { program: 'docker-machine', input: 'y\n' });
  t.regex(out, /^About to remove nope\nWARNING: .*\nAre you sure\? \(y\/n\): /);
  t.regex(err, /^Error removing host "nope": /);
  t.regex(
    (await call('bogus', { program: 'docker-machine' })).err,
    /^docker-machine: 'bogus' is not a docker-machine command\. See 'docker-machine --help'\./,
  );
});

test('several machines: when one is not there nothing is done', async (t) => {
  const { code, err } = await call('kill nope nope2');
  t.is(code, 1);
  t.is(err.match(/does not exist/g)?.length, 2);
});

test('the first interrupt aborts a command that changes something, the second ends the program with a recovery', async (t) => {
  const host = hostWith({ a: recordOf('a') });
  const io = createFakeIo(host);
  const open = Object.assign(io, { stdin: new (io.stdin.constructor as new () => typeof io.stdin)() });
  const running = run(['rm', 'a'], open);
  while (!io.stderr.text.includes('Are you sure')) {
    await setImmediate();
  }
  io.interrupt();
  t.deepEqual(io.exits, []);
  io.interrupt();
  t.deepEqual(io.exits, [130]);
  t.is(await running, 130);
  t.regex(io.stderr.text, /Interrupted: cleaning up\./);
  t.regex(io.stderr.text, /To go on: tsmachine rm a\n/);
  t.regex(io.stderr.text, /error: Interrupted\. \[interrupted\]/);
});

test('a command that only reads ends at once: by an interrupt, and when nobody reads its answer', async (t) => {
  for (const [end, code] of [
    ['interrupt', 130],
    ['closeOutput', 0],
  ] as const) {
    const io = createFakeIo(hostWith({ a: recordOf('a') }));
    const running = run(['url', 'a'], io);
    io[end]();
    t.deepEqual(io.exits, [code]);
    await running;
  }
});

test('what stands behind ssh', (t) => {
  const lines: readonly (readonly [string, string | undefined, string, string?])[] = [
    ['', undefined, ''],
    ['n', 'n', ''],
    ['n ls -lah /', 'n', 'ls -lah /'],
    ['n -- ls -lah /', 'n', 'ls -lah /'],
    ['n -C echo foo', 'n', 'echo foo'],
    ['n -q -C -- -x', 'n', '-x'],
    ['n -tt top', 'n', 'top', 'always'],
    ['n -t -C top', 'n', 'top', 'here'],
    ['n -T', 'n', '', 'never'],
    ['n echo -- -C -t', 'n', 'echo -- -C -t'],
    ['-- ls', undefined, 'ls'],
    ['n - x', 'n', '- x'],
  ];
  const wordsOf = (text: string): string[] => text.split(' ').filter((word) => word !== '');
  for (const [line, name, command, terminal] of lines) {
    t.deepEqual(readSshLine(wordsOf(line)), { name, command: wordsOf(command), terminal }, line);
  }
  t.throws(() => readSshLine(['a', '-L', '1:2:3']), {
    message: 'The option -L of the ssh program is not known here.',
  });
});
