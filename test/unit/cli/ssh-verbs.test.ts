import test from 'ava';
import { run } from '../../../src/cli/main.ts';
import type { ProgramName } from '../../../src/cli/io.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';
import { createFakeIo } from '../../fakes/io.ts';

const store = '/home/ann/.docker/machine';
const missing = (name: string): string =>
  `Docker machine "${name}" does not exist. Use "docker-machine ls" to list machines. Use "docker-machine create" to add a new one.\n`;

/** One machine `default` without a host, and the programs. */
function hostWith(...programs: readonly string[]): FakeHost {
  const record = {
    ConfigVersion: 3,
    Driver: { MachineName: 'default', StorePath: store, URL: 'tcp://127.0.0.1:1' },
    DriverName: 'none',
    HostOptions: {},
    Name: 'default',
  };
  const host = createFakeHost({
    tree: {
      '/opt/tsmachine/package.json': '{"version":"1.2.3"}',
      [`${store}/machines/default/config.json`]: JSON.stringify(record),
    },
  });
  for (const program of programs) {
    host.processes.answer(program, {});
  }
  return host;
}

async function call(
  args: readonly string[],
  host: FakeHost,
  program: ProgramName = 'docker-machine',
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const io = createFakeIo(host, { program });
  const code = await run(args, io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

for (const line of ['scp', 'scp x', 'scp a b c', 'mount', 'mount a b c']) {
  test(`${line}: the help and the error`, async (t) => {
    const { code, out, err } = await call(line.split(' '), hostWith());
    t.is(code, 2);
    t.regex(out, /^Usage: docker-machine (scp|mount) /);
    t.regex(err, /^(Error: )?Improper number of arguments\n/);
  });
}

for (const line of ['scp nope:/x .', 'scp . nope:/x', 'scp -d nope:/x .', 'mount nope:/x /y']) {
  test(`${line}: the machine cannot be loaded`, async (t) => {
    const { code, err } = await call(line.split(' '), hostWith('scp', 'rsync', 'sshfs'));
    t.is(code, 1);
    t.is(err, `Error loading host: Error loading host: ${missing('nope')}`);
  });
}

const sentences: readonly (readonly [string, string])[] = [
  ['scp -d a:/x .', 'You must have a copy of the rsync binary locally to use the --delta option'],
  ['mount a:/x', 'You must have a copy of the sshfs binary locally to use the mount feature'],
  ['mount -u a:/x', 'You must have a copy of the fusermount binary locally to use the unmount option'],
];
for (const [line, sentence] of sentences) {
  test(`${line}: the program is missing`, async (t) => {
    const { code, err } = await call(line.split(' '), hostWith());
    t.is(code, 1);
    t.is(err.split('\n')[0], sentence);
  });
}

test('a machine without a host is not reached, and no program is started', async (t) => {
  const host = hostWith('ssh', 'sshfs');
  // Without scp the client that is built in copies, and comes no further.
  for (const line of ['ssh default ls', 'ssh', 'scp default:/x .', 'mount /x', 'ssh-config default']) {
    const { code, err } = await call(line.split(' '), host);
    t.is(code, 1, line);
    t.regex(err, /^The machine "default" cannot be reached by SSH\./, line);
  }
  t.deepEqual(host.processes.calls, []);
});

test('names and users that programs could misread end before any program', async (t) => {
  const host = hostWith('ssh', 'scp', 'sshfs');
  for (const args of [
    ['scp', '--', '-oProxyCommand=x:/x', '.'],
    ['scp', '-oProxyCommand=x@default:/x', '.'],
    ['scp', '--', '-oProxyCommand=x@default:/x', '.'],
    ['scp', 'default:/a\nb', '.'],
    ['scp', '..:/x', '.'],
    ['mount', '$(x)@default:/x'],
    ['ssh', '-oProxyCommand=x'],
    ['ssh', '../x'],
    ['ssh-config', '../x'],
  ]) {
    t.is((await call(args, host)).code, 2, args.join(' '));
  }
  t.deepEqual(host.processes.calls, []);
});

test('what is local on both sides is copied without a machine', async (t) => {
  const host = hostWith('scp', 'rsync');
  t.is((await call(['scp', 'a', 'localhost:b:c', '-r'], host)).code, 0);
  t.is((await call(['scp', '-d', '--', '-a', './x:y'], host)).code, 0);
  t.deepEqual(host.processes.argumentsOf('scp'), [['-r', '--', 'a', './b:c']]);
  t.deepEqual(host.processes.argumentsOf('rsync'), [['--progress', '--', './-a', './x:y']]);
});

test('mount -u asks no machine; the program is the one that the system has', async (t) => {
  const host = hostWith('fusermount3');
  t.is((await call(['mount', '-u', 'gone:/x'], host)).code, 0);
  t.is((await call(['mount', 'gone:/x', '-u', '--', '-y'], host)).code, 0);
  t.deepEqual(host.processes.argumentsOf('fusermount3'), [
    ['-u', '/x'],
    ['-u', './-y'],
  ]);
});

test('the status of a program that failed', async (t) => {
  const host = hostWith();
  host.processes.answer('scp', { exitCode: 255 });
  const compatible = await call(['scp', 'a', 'b'], host);
  t.is(compatible.code, 1);
  t.is(compatible.err.split('\n')[0], 'exit status 255');
  host.processes.answer('scp', { exitCode: 130 });
  t.is((await call(['scp', 'a', 'b'], host)).code, 130);
});
