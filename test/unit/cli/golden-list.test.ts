import test from 'ava';
import { run } from '../../../src/cli/main.ts';
import type { ProgramName } from '../../../src/cli/io.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';
import { createFakeIo } from '../../fakes/io.ts';
import { storeOf, storePath as store, type MachineSpec } from './golden-store.ts';

// What docker-machine 0.16.2 prints for these command lines; exit codes are ours where they differ.

interface Golden {
  readonly argv: readonly string[];
  readonly code?: number;
  readonly out?: string;
  /** First line of stderr. */
  readonly err?: string;
  readonly machines?: Readonly<Record<string, MachineSpec>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Four machines of the driver none whose engines are not there. */
const four: Readonly<Record<string, MachineSpec>> = {
  a: {},
  b: { labels: ['x=1', 'y=2,z=3'] },
  c: {},
  d: {},
};

function hostOf({ machines = four, env = {} }: Golden): FakeHost {
  const host = createFakeHost({ env: { SHELL: '/bin/bash', ...env }, tree: storeOf(machines) });
  // No time passes.
  host.clock.mode = 'manual';
  return host;
}

async function call(
  golden: Golden,
  program: ProgramName = 'docker-machine',
): Promise<{ code: number; out: string; err: string }> {
  const io = createFakeIo(hostOf(golden), { program });
  const code = await run(golden.argv, io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

const unreachable = 'Unable to query docker version: Cannot connect to the docker engine endpoint';
const emptyHeader = 'NAME   ACTIVE   DRIVER   STATE   URL   SWARM   DOCKER   ERRORS\n';

const goldens: readonly Golden[] = [
  { argv: ['ls'], machines: {}, out: emptyHeader },
  { argv: ['ls', 'extra', '-t', '1'], machines: {}, out: emptyHeader },
  {
    argv: ['ls'],
    machines: { a: {} },
    out: `NAME   ACTIVE   DRIVER   STATE     URL                 SWARM   DOCKER    ERRORS\na      -        none     Running   tcp://127.0.0.1:1           Unknown   ${unreachable}\n`,
  },
  {
    argv: ['ls'],
    machines: { a: {} },
    env: { DOCKER_HOST: 'tcp://127.0.0.1:1' },
    out: `NAME   ACTIVE   DRIVER   STATE     URL                 SWARM   DOCKER    ERRORS\na      *        none     Running   tcp://127.0.0.1:1           Unknown   ${unreachable}\n`,
  },
  {
    argv: ['ls', '-f', 'table {{.Name}}\\t{{.DriverName}}\\t{{.State}}\\t{{.Error}}'],
    machines: { default: {}, half: 'incomplete' },
    out: `NAME      DRIVER      STATE     ERRORS\ndefault   none        Running   ${unreachable}\nhalf      not found   Error     open ${store}/machines/half/config.json: no such file or directory\n`,
  },
  {
    argv: ['ls'],
    machines: { px: { driver: 'foo' } },
    out: 'NAME   ACTIVE   DRIVER      STATE   URL   SWARM   DOCKER    ERRORS\npx     -        not-found   Error                 Unknown   Driver "foo" not found. Do you have the plugin binary accessible in your PATH?\n',
  },
  {
    argv: ['ls', '-f', '{{.Name}}|{{.DriverName}}|{{.State}}|{{.Error}}'],
    machines: { bad: 'from the future' },
    out: 'bad|not found|Error|Error getting migrated host: config version is from the future -- you should upgrade your Docker Machine client\n',
  },
  {
    argv: [
      'ls',
      '-f',
      '{{.Name}}|{{.Active}}|{{.ActiveHost}}|{{.ActiveSwarm}}|{{.DriverName}}|{{.State}}|{{.URL}}|{{.Swarm}}|{{.DockerVersion}}|{{.Error}}',
    ],
    machines: { a: {} },
    out: `a|-|false|false|none|Running|tcp://127.0.0.1:1||Unknown|${unreachable}\n`,
  },
  {
    argv: ['ls', '-f', '{{ .Name | urlquery }},{{ .ResponseTime | printf "%d" }}', '--filter', 'name=^a'],
    out: 'a,0\n',
  },
  {
    argv: ['ls', '-f', '{{.EngineOptions.Labels}} {{.SwarmOptions.Strategy}}'],
    machines: { default: { labels: ['a=b'] } },
    out: '[a=b] spread\n',
  },
  {
    argv: ['ls', '-f', '{{.Nope}}'],
    code: 1,
    err: 'template: :1:2: executing "" at <.Nope>: can\'t evaluate field Nope in type commands.HostListItem',
  },
  {
    argv: ['ls', '-f', 'table {{.Nope}}'],
    code: 1,
    out: '<no value>\n',
    err: 'template: :1:2: executing "" at <.Nope>: can\'t evaluate field Nope in type commands.HostListItem',
  },
  { argv: ['ls', '-f', '{{.Name'], code: 2, err: 'template: :2: unclosed action started at :1' },
  {
    argv: ['ls', '-f', '{{.Name.X}}'],
    code: 1,
    err: 'template: :1:7: executing "" at <.Name.X>: can\'t evaluate field X in type string',
  },
  {
    argv: ['ls', '-f', '{{.SwarmOptions.Nope}}'],
    code: 1,
    err: 'template: :1:15: executing "" at <.SwarmOptions.Nope>: can\'t evaluate field Nope in type *swarm.Options',
  },
  { argv: ['ls', '-f', '{{bogus .}}'], code: 2, err: 'template: :1: function "bogus" not defined' },
  { argv: ['ls', '-f', 'table', '--filter', 'name=^a'], out: '\n\n' },
  { argv: ['ls', '-f', 'tablexyz {{.Name}}', '--filter', 'name=^a'], out: 'xyz NAME\nxyz a\n' },
  {
    argv: ['ls', '-f', 'table {{.Name}}: {{.State}}', '--filter', 'name=^a'],
    out: 'NAME: STATE\na: Running\n',
  },
  { argv: ['ls', '-f', 'x\\ny {{.Name}}  ', '--filter', 'name=^a'], out: 'x\ny a\n' },
  {
    argv: [
      'ls',
      '-f',
      '{{range $i, $e := .EngineOptions.Labels}}{{$i}}={{$e}};{{end}}|{{len .Name}}|{{index .EngineOptions.Labels 0}}|{{if eq .DriverName "none"}}yes{{else}}no{{end}}|{{printf "%-5s|" .Name}}{{.State | printf "%d"}}',
      '--filter',
      'name=b',
    ],
    out: '0=x=1;1=y=2,z=3;|1|x=1|yes|b    |1\n',
  },
  {
    argv: ['ls', '-f', '{{.EngineOptions}}', '--filter', 'name=^a'],
    out: '{[] []  [] false [] []   false true [] https://get.docker.com}\n',
  },
  {
    argv: ['ls', '-f', 'table {{.Name}}\\t{{.EngineOptions.Labels}}', '--filter', 'name=b'],
    out: 'NAME   \nb      [x=1 y=2,z=3]\n',
  },
  { argv: ['ls', '-f', '{{.Name}}'], machines: {}, out: '' },
  {
    argv: ['ls', '-f', '{{.Name}}'],
    machines: { m10: {}, m2: {}, M1: {}, a1b2: {} },
    out: 'a1b2\nM1\nm2\nm10\n',
  },
  { argv: ['ls', '-f', '{{.Name}}'], machines: { A: {}, a: {} }, out: 'A\na\n' },
  {
    argv: ['ls', '-q'],
    machines: { A: {}, a: {}, M1: {}, a1b2: {}, m10: {}, m2: {} },
    out: 'A\nM1\na\na1b2\nm10\nm2\n',
  },
  { argv: ['ls', '-q', '-f', '{{.Nope'], out: 'a\nb\nc\nd\n' },
  { argv: ['ls', '-q', '--filter', 'state=Error', '--format', '{{.NAME}}'], out: '' },
  { argv: ['ls', '--filter', 'bogus=1'], code: 2, err: "Unsupported filter key 'bogus'" },
  { argv: ['ls', '-q', '--filter', 'bogus'], code: 2, err: 'Unsupported filter syntax' },
  { argv: ['ls', '--filter', 'label=x'], code: 2, err: 'Unsupported filter syntax' },
  { argv: ['ls', '-q', '--filter', 'name=('], code: 2, err: 'error parsing regexp: missing closing ): `(`' },
  { argv: ['ls', '-q', '--filter', 'name=B'], out: '' },
  { argv: ['ls', '-q', '--filter', 'name=(?i)B'], out: 'b\n' },
  { argv: ['ls', '-q', '--filter', 'DRIVER=NONE'], out: 'a\nb\nc\nd\n' },
  { argv: ['ls', '-q', '-filter', 'state=RUNNING'], out: 'a\nb\nc\nd\n' },
  { argv: ['ls', '-q', '--filter', 'name=a', '--filter', 'name=b'], out: 'a\nb\n' },
  { argv: ['ls', '-q', '--filter', 'name=a', '--filter', 'driver=generic'], out: '' },
  { argv: ['ls', '-q', '--filter', 'label=x=1'], out: 'b\n' },
  { argv: ['ls', '-q', '--filter', 'label=y=2,Z=3'], out: 'b\n' },
  { argv: ['ls', '-q', '--filter', 'label='], out: '' },
  { argv: ['ls', '-q', '--', '--bogus'], out: 'a\nb\nc\nd\n' },
  { argv: ['active'], code: 1, err: 'No active host found' },
  { argv: ['active', '-t', '1'], code: 1, err: 'No active host found' },
  { argv: ['active', 'x'], code: 2, err: 'Error: Too many arguments given' },
  {
    argv: ['active'],
    machines: { default: {} },
    env: { DOCKER_HOST: 'tcp://127.0.0.1:1' },
    out: 'default\n',
  },
];

for (const [index, golden] of goldens.entries()) {
  test(`${index}: ${golden.argv.join(' ')}`, async (t) => {
    const { code, out, err } = await call(golden);
    t.is(out, golden.out ?? '');
    t.is(err.split('\n')[0], golden.err ?? '');
    t.is(code, golden.code ?? 0);
  });
}

test('machines that cannot be read pass the filters that they match', async (t) => {
  const machines = { a: {}, half: 'incomplete', bad: 'broken', px: { driver: 'foo' } } as const;
  const names = async (...filters: string[]): Promise<string> => {
    const argv = ['ls', '-q', ...filters.flatMap((filter) => ['--filter', filter])];
    const { out } = await call({ argv, machines });
    const listed = await call({
      argv: [...argv.filter((word) => word !== '-q'), '-f', '{{.Name}}'],
      machines,
    });
    t.is(listed.out, out, filters.join(' '));
    return out;
  };
  t.is(await names('state=error'), 'bad\nhalf\npx\n');
  t.is(await names('name=half'), 'half\n');
  t.is(await names('driver=foo'), 'px\n');
  t.is(await names('driver=none'), 'a\n');
  t.is(await names('label=x=1'), '');
  t.is(await names('swarm=a'), '');
  t.is(await names('state=running', 'state=Error'), 'a\nbad\nhalf\npx\n');
});

test('classic Swarm', async (t) => {
  const discovery = 'token://x';
  const machines = {
    boss: { swarm: { Discovery: discovery, Master: true, Host: 'tcp://0.0.0.0:3376' } },
    agent: { swarm: { Discovery: discovery } },
    lone: {},
  };
  const env = { DOCKER_HOST: 'tcp://127.0.0.1:3376' };
  const format = ['-f', '{{.Name}} {{.Active}} {{.ActiveSwarm}} {{.Swarm}}'];
  t.is(
    (await call({ argv: ['ls', ...format], machines, env })).out,
    'agent - false boss\nboss * (swarm) true boss (master)\nlone - false \n',
  );
  t.is((await call({ argv: ['ls', '-q', '--filter', 'swarm=BOSS'], machines })).out, 'agent\nboss\n');
  t.is((await call({ argv: ['ls', '-f', '{{.Swarm}}', '--filter', 'name=agent'], machines })).out, 'boss\n');
  t.is((await call({ argv: ['active'], machines, env })).out, 'boss\n');
});

test('what a record says cannot move the cursor, and its secrets stay here', async (t) => {
  const machines = { a: { env: ['HTTP_PROXY=http://ann:pw@proxy.example', 'X=\u001b[2J'] } };
  const { out } = await call({ argv: ['ls', '-f', '{{.EngineOptions.Env}}'], machines });
  t.is(out, '[HTTP_PROXY=http://***@proxy.example X=\\x1b[2J]\n');
});

test('--format json is an object a line; --json one list', async (t) => {
  const { out } = await call({
    argv: ['ls', '--format', 'json'],
    machines: { b: { labels: ['x=1'] }, a: {} },
  });
  const [first, second] = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  t.is(first?.['Name'], 'a');
  t.is(first?.['State'], 'Running');
  t.deepEqual((second?.['EngineOptions'] as Record<string, unknown>)['Labels'], ['x=1']);
  const list = JSON.parse((await call({ argv: ['ls', '--json'] })).out) as Record<string, unknown>[];
  t.deepEqual(
    list.map((row) => [row['name'], row['state'], row['engineOptions']]),
    ['a', 'b', 'c', 'd'].map((name) => [name, 'Running', undefined]),
  );
});

test('one time-out over everything: rows of machines that never answer say Timeout', async (t) => {
  const golden = {
    argv: [
      'ls',
      '-t',
      '3',
      '-f',
      '{{.Name}}|{{.Active}}|{{.DriverName}}|{{.State}}|{{.URL}}|{{.DockerVersion}}|{{.ResponseTime}}',
    ],
    machines: { a: {} },
  };
  // What is loaded at first use is loaded now, so that only sockets are waited for.
  await call(golden);
  const host = hostOf(golden);
  host.clock.mode = 'idle';
  host.network.onConnect = () => new Promise(() => undefined);
  const io = createFakeIo(host);
  t.is(await run(golden.argv, io), 0);
  t.is(io.stdout.text, 'a||none|Timeout|||3s\n');
  // Asking for a state does not ask the engine.
  for (const [filter, out] of [
    ['state=Running', 'a\n'],
    ['state=Timeout', ''],
  ] as const) {
    const again = createFakeIo(host);
    t.is(await run(['ls', '-q', '--filter', filter], again), 0);
    t.is(again.stdout.text, out);
  }
});
