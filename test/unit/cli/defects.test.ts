import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { run } from '../../../src/cli/main.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';
import { createFakeIo } from '../../fakes/io.ts';

// What docker-machine is known to do wrong, and what is done here instead, as far as one process in memory shows it.

const store = '/home/ann/.docker/machine';
const fixtures = path.join(import.meta.dirname, '../../../../test/fixtures/records');
const fixture = (name: string): string => readFileSync(path.join(fixtures, `${name}.json`), 'utf8');

interface RecordChange {
  readonly driver?: string;
  readonly part?: object;
}

function record(change: RecordChange = {}): string {
  return JSON.stringify({
    ConfigVersion: 3,
    Driver: { IPAddress: '127.0.0.1:1', StorePath: store, URL: 'tcp://127.0.0.1:1', ...change.part },
    DriverName: change.driver ?? 'none',
    HostOptions: { EngineOptions: { Labels: ['a=b', 'bare'] }, SwarmOptions: {}, AuthOptions: {} },
    Name: 'x',
  });
}

/** A store with these files in machines/. */
function hostWith(files: Readonly<Record<string, string>>): FakeHost {
  const tree = Object.entries(files).map(([name, text]) => [`${store}/machines/${name}`, text] as const);
  const host = createFakeHost({ env: { SHELL: '/bin/bash' }, tree: Object.fromEntries(tree) });
  // Time stands still: no list is late.
  host.clock.mode = 'manual';
  return host;
}

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function call(host: FakeHost, ...argv: readonly string[]): Promise<Outcome> {
  const io = createFakeIo(host, { program: 'docker-machine' });
  const code = await run(argv, io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

const hasMachine = (host: FakeHost, name: string): boolean =>
  [...host.files.nodes.keys()].some((file) => file.startsWith(`${store}/machines/${name}/`));

test('rm -f of names that lead elsewhere removes nothing: "", ".", "..", "../../victim", "a/../b"', async (t) => {
  for (const name of ['', '.', '..', '../../victim', 'a/../b', '/', '../machines/b']) {
    const host = hostWith({ 'a/config.json': record(), 'b/config.json': record() });
    host.files.put('/home/ann/.docker/victim/x', '');
    const { code } = await call(host, 'rm', '-f', name);
    t.is(code, 2, name);
    t.true(hasMachine(host, 'a') && hasMachine(host, 'b'), name);
    t.is(host.files.text('/home/ann/.docker/victim/x'), '');
    t.deepEqual(host.files.writes, [], name);
  }
});

test('machines whose names differ in case are two rows', async (t) => {
  const host = hostWith({ 'A/config.json': record(), 'a/config.json': record() });
  const { out } = await call(host, 'ls', '-f', '{{.Name}} {{.DriverName}}');
  t.deepEqual(out.trimEnd().split('\n').sort(), ['A none', 'a none']);
});

test('ip of a machine without a host is an address; its record stays as it is', async (t) => {
  const host = hostWith({ 'm/config.json': record() });
  t.is((await call(host, 'ip', 'm')).out, '127.0.0.1\n');
  t.is((await call(host, 'inspect', '-f', '{{.Driver.IPAddress}}', 'm')).out, '127.0.0.1:1\n');
});

test('a folder without config.json: create says what is there, rm -y removes it', async (t) => {
  const host = hostWith({ 'half/disk': '' });
  const made = await call(host, 'create', '-d', 'none', '--url', 'tcp://h:1', 'half');
  t.is(made.code, 1);
  t.regex(made.err, /^Docker machine "half" already exists/);
  t.true(hasMachine(host, 'half'));
  t.is((await call(host, 'rm', '-y', 'half')).code, 0);
  t.false(hasMachine(host, 'half'));
});

test('a folder without config.json whose journal names something outside is kept by rm -y', async (t) => {
  const begun = { at: '2026-01-02T03:04:05.000Z', step: 'server', event: 'begin', facts: { token: 'tsm-1' } };
  const host = hostWith({ 'half/journal.jsonl': `${JSON.stringify(begun)}\n` });
  const io = createFakeIo(host);
  t.is(await run(['rm', '-y', 'half'], io), 1);
  t.regex(io.stderr.text, /tsm-1/);
  t.true(hasMachine(host, 'half'));
});

test('a missing driver: rm -y keeps the machine and says why, rm -f forgets it and notes what may remain', async (t) => {
  const host = hostWith({ 'm/config.json': record({ driver: 'foo', part: { ServerID: 'i-77' } }) });
  const kept = await call(host, 'rm', '-y', 'm');
  t.is(kept.code, 1);
  t.regex(kept.err, /Driver "foo" not found/);
  t.true(hasMachine(host, 'm'));
  t.is((await call(host, 'rm', '-f', 'm')).code, 0);
  t.false(hasMachine(host, 'm'));
  const [note = ''] = [...host.files.nodes.keys()].filter((file) =>
    file.startsWith(`${store}/tombstones/m-`),
  );
  t.regex(host.files.text(note) ?? '', /i-77/);
});

test('ls --filter label without a value is a mistake in the command line, no crash', async (t) => {
  const host = hostWith({ 'm/config.json': record() });
  t.is((await call(host, 'ls', '--filter', 'label=bare')).code, 2);
  t.is((await call(host, 'ls', '-q', '--filter', 'label=a=B')).out, 'm\n');
});

test('broken machines are listed under a filter only when they match it', async (t) => {
  const host = hostWith({ 'broken/config.json': '{', 'm/config.json': record() });
  t.is((await call(host, 'ls', '-f', '{{.Name}}', '--filter', 'state=Running')).out, 'm\n');
  t.is((await call(host, 'ls', '-f', '{{.Name}}', '--filter', 'state=Error')).out, 'broken\n');
  t.is((await call(host, 'ls', '-f', '{{.Name}}', '--filter', 'name=^b')).out, 'broken\n');
});

test('an error of several lines is one row of the table', async (t) => {
  const host = hostWith({ 'bro\nken/config.json': '{', 'm/config.json': record() });
  const { code, out } = await call(host, 'ls');
  t.is(code, 0);
  t.is(out.trimEnd().split('\n').length, 3);
});

test('a broken row does not end a list whose template has nested fields', async (t) => {
  const host = hostWith({ 'broken/config.json': '{', 'm/config.json': record() });
  const { code, out } = await call(
    host,
    'ls',
    '-f',
    '{{.Name}}:{{.SwarmOptions.Strategy}}:{{.EngineOptions.Labels}}',
  );
  t.is(code, 0);
  t.deepEqual(out.trimEnd().split('\n'), ['broken::', 'm::[a=b bare]']);
});

test('whole numbers in templates are plain, however large', async (t) => {
  const host = hostWith({
    'm/config.json': record({ part: { DropletID: 12_345_678, Id: 9_007_199_254_740_991 } }),
  });
  const { out } = await call(host, 'inspect', '-f', '{{.Driver.DropletID}} {{.Driver.Id}}', 'm');
  t.is(out, '12345678 9007199254740991\n');
});

test('the files that env and config name are there, also for a machine without a host', async (t) => {
  const host = createFakeHost({ env: { SHELL: '/bin/bash' } });
  t.is((await call(host, 'create', '-d', 'none', '--url', 'tcp://127.0.0.1:1', 'm')).code, 0);
  const { out } = await call(host, 'config', '--no-check', 'm');
  const named = [...out.matchAll(/^--tls\w+="(.+)"$/gm)].map(([, file = '']) => file);
  t.deepEqual(
    named,
    ['ca', 'cert', 'key'].map((file) => `${store}/machines/m/${file}.pem`),
  );
  for (const file of named) {
    t.is(host.files.text(file), host.files.text(file.replace('/machines/m/', '/certs/')), file);
  }
});

test('provision of a machine that nobody can reach ends at once', async (t) => {
  const host = hostWith({ 'm/config.json': record() });
  const { code, err } = await call(host, 'provision', 'm');
  t.is(code, 1);
  t.regex(err, /"m"/);
  t.deepEqual(host.clock.sleeps, []);
});

test('a variable of the environment is enough for a list flag of a driver or of create', async (t) => {
  const host = createFakeHost({ env: { ENGINE_REGISTRY_MIRROR: 'http://m1, http://m2' } });
  t.is((await call(host, 'create', '-d', 'none', '--url', 'tcp://127.0.0.1:1', 'm')).code, 0);
  const { out } = await call(
    host,
    'inspect',
    '-f',
    '{{json .HostOptions.EngineOptions.RegistryMirror}}',
    'm',
  );
  t.is(out, '["http://m1","http://m2"]\n');
});

for (const version of [0, 1, 2, 3]) {
  test(`a record of version ${version} is read by every command that reads, and nothing is written`, async (t) => {
    const name = version === 3 ? 'v3-plugin' : `v${version}-virtualbox`;
    const text = fixture(name);
    const host = hostWith({ 'old/config.json': text });
    const version3 = await call(host, 'inspect', '-f', '{{.ConfigVersion}} {{.Name}}', 'old');
    t.is(version3.out, '3 old\n');
    // Certificates belong into the machine's directory, not into the root of the store.
    if (version < 3) {
      const at = await call(host, 'inspect', '-f', '{{.HostOptions.AuthOptions.StorePath}}', 'old');
      t.is(at.out, `${store}/machines/old\n`);
    }
    const { out } = await call(host, 'ls');
    t.regex(out, /^old /m);
    t.notRegex(out, /migrated|cannot be used/);
    t.is((await call(host, 'ls', '-q')).out, 'old\n');
    t.is(host.files.text(`${store}/machines/old/config.json`), text);
    t.deepEqual(host.files.writes, []);
  });
}

test('a record of the future is refused by every command, and left as it is', async (t) => {
  const text = fixture('v4-future');
  const host = hostWith({ 'm/config.json': text });
  for (const argv of [
    ['inspect', 'm'],
    ['url', 'm'],
    ['start', 'm'],
    ['rm', '-y', 'm'],
    ['provision', 'm'],
  ]) {
    const { code, err } = await call(host, ...argv);
    t.is(code, 1, argv.join(' '));
    t.regex(err, /version 4/, argv.join(' '));
  }
  t.is(host.files.text(`${store}/machines/m/config.json`), text);
});
