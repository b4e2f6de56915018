import test from 'ava';
import { run } from '../../../src/cli/main.ts';
import { createFakeHost } from '../../fakes/host.ts';
import { createFakeIo } from '../../fakes/io.ts';
import { storeOf, storePath as store } from './golden-store.ts';

// What docker-machine 0.16.2 prints for these command lines; exit codes are ours where they differ.

const machines = {
  default: { labels: ['a=b'], url: 'tcp://127.0.0.1:23760' },
  a: {},
  b: { labels: ['x=1', 'y=2,z=3'] },
  f1: {},
  px: { driver: 'foo' },
};

async function call(argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const io = createFakeIo(createFakeHost({ tree: storeOf(machines) }), { program: 'docker-machine' });
  const code = await run(argv, io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

interface Golden {
  readonly argv: readonly string[];
  readonly code?: number;
  readonly out?: string;
  /** First line of stderr. */
  readonly err?: string;
}

const goldens: readonly Golden[] = [
  {
    argv: ['inspect', '-f', '{{.Name}} {{.DriverName}} {{.Driver.URL}}', 'default'],
    out: 'default none tcp://127.0.0.1:23760\n',
  },
  { argv: ['inspect', 'default', '--format={{.Driver.IPAddress}}'], out: '127.0.0.1:23760\n' },
  { argv: ['inspect', '-f', '{{json .HostOptions.EngineOptions.Labels}}'], out: '["a=b"]\n' },
  {
    argv: ['inspect', '-f', '{{prettyjson .Driver}}'],
    out: `{
    "IPAddress": "127.0.0.1:23760",
    "MachineName": "default",
    "SSHKeyPath": "",
    "SSHPort": 0,
    "SSHUser": "",
    "StorePath": "${store}",
    "SwarmDiscovery": "",
    "SwarmHost": "",
    "SwarmMaster": false,
    "URL": "tcp://127.0.0.1:23760"
}\n`,
  },
  { argv: ['inspect', '-f', '{{.Nope}}'], out: '<no value>\n' },
  { argv: ['inspect', '-f', '{{.Driver.Nope.X}}'], out: '<no value>\n' },
  {
    argv: ['inspect', '-f', '{{.Nope'],
    code: 2,
    err: 'template parsing error: template: :1: unclosed action',
  },
  {
    argv: ['inspect', '-f', '{{bogus .}}'],
    code: 2,
    err: 'template parsing error: template: :1: function "bogus" not defined',
  },
  {
    argv: ['inspect', '-f', '{{.Driver.URL.X}}'],
    code: 1,
    err: 'template: :1:9: executing "" at <.Driver.URL.X>: can\'t evaluate field X in type interface {}',
  },
  {
    argv: ['inspect', '-f', '{{.Name}}{{call .Name}}'],
    code: 1,
    out: 'default',
    err: 'template: :1:11: executing "" at <call .Name>: error calling call: non-function of type string',
  },
  {
    argv: ['inspect', '-f', '{{index .HostOptions.EngineOptions.Labels 0}}', 'a'],
    code: 1,
    err: 'template: :1:2: executing "" at <index .HostOptions.EngineOptions.Labels 0>: error calling index: reflect: slice index out of range',
  },
  {
    argv: ['inspect', 'nope', '-f', '{{.Nope'],
    code: 1,
    err: 'Docker machine "nope" does not exist. Use "docker-machine ls" to list machines. Use "docker-machine create" to add a new one.',
  },
  { argv: ['inspect', '-f', 'x\\ty', 'b'], out: 'x\\ty\n' },
  { argv: ['inspect', '--format=json', 'b'], out: 'json\n' },
  { argv: ['inspect', '-f', '{{.HostOptions.SwarmOptions.Discovery}}:{{.Name}}', 'a'], out: ':a\n' },
  {
    argv: [
      'inspect',
      '-f',
      '{{.ConfigVersion}} {{.Driver.SSHPort}} {{.HostOptions.EngineOptions.Dns}} {{.HostOptions.EngineOptions.TlsVerify}} {{.HostOptions.EngineOptions.Labels}}',
      'b',
    ],
    out: '3 0 <no value> true [x=1 y=2,z=3]\n',
  },
  {
    argv: ['inspect', '-f', '{{.HostOptions.EngineOptions}}', 'b'],
    out: 'map[ArbitraryFlags:[] Dns:<nil> Env:[] GraphDir: InsecureRegistry:[] InstallURL:https://get.docker.com Ipv6:false Labels:[x=1 y=2,z=3] LogLevel: RegistryMirror:[] SelinuxEnabled:false StorageDriver: TlsVerify:true]\n',
  },
  {
    argv: [
      'inspect',
      '-f',
      '{{with .Driver}}{{.MachineName}}{{end}}{{/* c */}} {{- "x" -}} {{printf "%q %v %T" .Name .ConfigVersion .ConfigVersion}} {{.Name | printf "%s-%s" "p"}} {{eq .Name "f1"}} {{slice .Name 0 1}} {{html "<"}} {{js "a\\"b"}} {{print 1 2 "x"}}',
      'f1',
    ],
    out: 'f1x"f1" 3 float64 p-f1 true f &lt; a\\"b 1 2x\n',
  },
  { argv: ['inspect', '-f', '{{define "t"}}T{{.}}{{end}}{{template "t" .Name}}', 'f1'], out: 'Tf1\n' },
  { argv: ['inspect', 'px', '-f', '{{.DriverName}}'], out: 'foo\n' },
  {
    argv: ['inspect', 'a', '-f', '{{.HostOptions.AuthOptions.StorePath}}'],
    out: `${store}/machines/a\n`,
  },
  {
    argv: ['inspect', '-f', '{{range $k, $v := .HostOptions}}{{$k}} {{end}}'],
    out: 'AuthOptions Disk Driver EngineOptions Memory SwarmOptions \n',
  },
];

for (const [index, golden] of goldens.entries()) {
  test(`${index}: ${golden.argv.join(' ')}`, async (t) => {
    const { code, out, err } = await call(golden.argv);
    t.is(out, golden.out ?? '');
    t.is(err.split('\n')[0], golden.err ?? '');
    t.is(code, golden.code ?? 0);
  });
}

test('too many names: the help, and why', async (t) => {
  const { code, out, err } = await call(['inspect', 'a', 'b']);
  t.is(code, 2);
  t.regex(out, /^Usage: docker-machine inspect \[OPTIONS\]/);
  t.is(err.split('\n')[0], 'Error: Expected one machine name as an argument');
});

test('without a template, with an empty one, and with --json: the record', async (t) => {
  const { out } = await call(['inspect', 'a']);
  t.regex(out, /^\{\n {4}"ConfigVersion": 3,\n {4}"Driver": \{\n {8}"IPAddress"/);
  t.is((await call(['inspect', '-f', '', 'a'])).out, out);
  t.is((await call(['inspect', '--json', 'a'])).out, out);
});
