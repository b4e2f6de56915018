import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import test, { type ExecutionContext } from 'ava';
import { generateSshKeyPair } from '../../../src/ssh/keys.ts';
import { findProgram, run } from '../../support/cli.ts';
import { makeMachineStore, type MachineStore } from './machine-store.ts';
import { sshdMissing, startSshd, type SshServer } from './servers.ts';

/** Runs a test with a machine `m`, or says why not. */
async function withMachine(
  t: ExecutionContext,
  body: (store: MachineStore, server: SshServer) => Promise<void>,
  below?: string,
): Promise<void> {
  const missing =
    sshdMissing() ?? (findProgram('ssh') === undefined ? 'needs ssh (openssh-client)' : undefined);
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const server = await startSshd();
  const store = makeMachineStore(below);
  try {
    await store.add('m', server);
    await body(store, server);
  } finally {
    store.dispose();
    await server.stop();
  }
}

/** What stands behind `ssh m`, the input, and what comes of it with either client. */
const lines: readonly {
  readonly args: readonly string[];
  readonly input?: string;
  readonly code?: number;
  readonly stdout?: string;
  readonly stderr?: string;
}[] = [
  { args: ['exit 7'], code: 7 },
  { args: ['--', 'echo', 'a', ' b'], stdout: 'a b\n' },
  { args: ['-C', 'echo', 'foo'], stdout: 'foo\n' },
  { args: ['printf "x\\ny\\n" | wc -l'], stdout: '2\n' },
  { args: ['cat'], input: 'through\0ssh', stdout: 'through\0ssh' },
  { args: ['echo out; echo err >&2'], stdout: 'out\n', stderr: 'err\n' },
  { args: ['test', '-t', '0', '||', 'echo', 'no-terminal'], stdout: 'no-terminal\n' },
  { args: ['echo', '$((1+1))', "';'"], stdout: '2 ;\n' },
  { args: [], input: 'echo from a shell; exit 3\n', code: 3, stdout: 'from a shell\n' },
];

test('ssh behaves the same with the ssh program and with the client that is built in', async (t) => {
  await withMachine(t, async (store) => {
    for (const { args, input, code = 0, stdout = '', stderr = '' } of lines) {
      for (const globals of [[], ['--native-ssh']]) {
        const options = input === undefined ? {} : { input };
        const outcome = await store.tsmachine([...globals, 'ssh', 'm', ...args], options);
        t.deepEqual(
          outcome,
          { code, signal: null, stdout, stderr },
          `${globals.join(' ')} ${args.join(' ')}`,
        );
      }
    }
  });
});

test('options of the ssh program pass, and what the user says counts', async (t) => {
  await withMachine(t, async (store, server) => {
    const verbose = await store.tsmachine(['ssh', 'm', '-v', '-o', 'LogLevel=DEBUG1', 'true']);
    t.is(verbose.code, 0);
    t.regex(verbose.stderr, /debug1: Host 'tsmachine-m' is known and matches the ED25519 host key/);
    const control = join(store.files, 'c');
    const shared = ['-o', `ControlPath=${control}`];
    const first = await store.tsmachine([
      'ssh',
      'm',
      '-o',
      'ControlMaster=auto',
      '-o',
      'ControlPersist=30',
      ...shared,
      'true',
    ]);
    t.is(first.code, 0);
    t.true(existsSync(control));
    t.is((await store.tsmachine(['ssh', 'm', ...shared, '-O', 'exit'])).code, 0);
    const forwarded = await store.tsmachine(['ssh', 'm', '-W', `127.0.0.1:${server.port}`]);
    t.regex(forwarded.stdout, /^SSH-2\.0-OpenSSH/);
    const native = await store.tsmachine(['ssh', 'm', '-W', 'x:1'], { env: { MACHINE_NATIVE_SSH: '1' } });
    t.is(native.code, 2);
    t.regex(native.stderr, /The option -W of the ssh program is not known here/);
  });
});

test('a terminal is given to a shell that has one here', async (t) => {
  await withMachine(t, async (store) => {
    if (spawnSync('script', ['--version']).status !== 0) {
      t.log('skipped: needs script (bsdutils)');
      t.pass();
      return;
    }
    const program = join(import.meta.dirname, '../../../..', 'bin', 'tsmachine.js');
    for (const globals of ['', '--native-ssh ']) {
      const line = `${process.execPath} ${program} ${globals}ssh m`;
      const { code, stdout } = await run('script', ['-qec', line, '/dev/null'], {
        input: 'stty -echo; test -t 1 && echo has-"terminal"; exit 5\n',
        env: { MACHINE_STORAGE_PATH: store.path, SHELL: '/bin/sh' },
        timeoutMs: 60_000,
      });
      t.is(code, 5, globals);
      t.regex(stdout, /has-terminal/, globals);
    }
  });
});

test('another host key than the pinned one is not connected to', async (t) => {
  await withMachine(t, async (store, server) => {
    const other = generateSshKeyPair({ randomBytes }, 'other');
    await store.add('m', server, { hostKey: other.publicLine });
    const { code, stderr } = await store.tsmachine(['ssh', 'm', 'true']);
    t.is(code, 255);
    t.regex(stderr, /Host key verification failed/);
    t.notRegex(server.log(), /Accepted publickey/);
  });
});

test('a key file that others can read is refused in the words of docker-machine', async (t) => {
  await withMachine(t, async (store) => {
    const key = join(store.path, 'machines', 'm', 'id_rsa');
    chmodSync(key, 0o644);
    const { code, stderr } = await store.tsmachine(['ssh', 'm', 'true']);
    t.is(code, 1);
    t.true(
      stderr.startsWith(`error: permissions 0644 for '${key}' are too open [ssh-key-rejected]\n`),
      stderr,
    );
  });
});

test('a signal to the program is one to ssh', async (t) => {
  await withMachine(t, async (store) => {
    const program = join(import.meta.dirname, '../../../..', 'bin', 'tsmachine.js');
    const child = spawn(process.execPath, [program, 'ssh', 'm', 'echo there; sleep 60'], {
      env: { ...process.env, MACHINE_STORAGE_PATH: store.path },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    // Before that the program itself would be ended.
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number | null];
    t.true(code === 143 || code === 255, `ended with ${String(code)}`);
  });
});

test('a store with blanks, quotes and percent signs in its path', async (t) => {
  await withMachine(
    t,
    async (store) => {
      t.deepEqual(await store.tsmachine(['ssh', 'm', 'echo there']), {
        code: 0,
        signal: null,
        stdout: 'there\n',
        stderr: '',
      });
    },
    "a b'c#%d$(touch e);f",
  );
});

test('a store in a path that ssh cannot be told of is refused, and served by the client that is built in', async (t) => {
  await withMachine(
    t,
    async (store) => {
      const refused = await store.tsmachine(['ssh', 'm', 'true']);
      t.is(refused.code, 1);
      t.regex(refused.stderr, /cannot be told to the SSH program\. \[record-invalid\]/);
      t.is((await store.tsmachine(['--native-ssh', 'ssh', 'm', 'exit 4'])).code, 4);
    },
    'a"b ${HOME}',
  );
});

test('ssh-config prints what the ssh program understands', async (t) => {
  await withMachine(t, async (store, server) => {
    store.addStopped('off');
    await store.add('two', server);
    const all = await store.tsmachine(['ssh-config']);
    t.is(all.code, 0);
    t.is(all.stderr, '');
    t.regex(all.stdout, /^# off: not running$/m);
    t.deepEqual(all.stdout.match(/^Host .*/gm), ['Host m', 'Host two']);
    const one = await store.tsmachine(['ssh-config', 'two']);
    const config = join(store.files, 'config');
    const { code, stdout } = await run(
      'sh',
      ['-c', 'cat >"$1" && exec ssh -F "$1" two echo hello', 'sh', config],
      {
        input: one.stdout,
      },
    );
    t.is(stdout, 'hello\n');
    t.is(code, 0);
    const known = join(store.path, 'machines', 'two', 'known_hosts');
    t.true(one.stdout.includes(`UserKnownHostsFile ${known}\n`));
    t.is(
      readFileSync(known, 'utf8'),
      `tsmachine-two ${server.hostKey.publicLine.split(' ').slice(0, 2).join(' ')}\n`,
    );
    t.is(statSync(known).mode & 0o777, 0o600);
    const stopped = await store.tsmachine(['ssh-config', 'm', 'off', 'nope']);
    t.is(stopped.code, 1);
    t.is(stopped.stdout, '');
    t.deepEqual(
      stopped.stderr.match(/^error: .*/gm)?.map((line) => line.replace(/ Use .* \[/, ' [')),
      [
        'error: Cannot run SSH command: Host "off" is not running [machine-not-running]',
        'error: Docker machine "nope" does not exist. [machine-not-found]',
      ],
    );
  });
});
