import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { generateSshKeyPair } from '../../../src/ssh/keys.ts';
import { findProgram, type Outcome } from '../../support/cli.ts';
import { makeMachineStore, type MachineStore } from './machine-store.ts';
import { sshdMissing, startSshd, type SshServer } from './servers.ts';

const sftp = 'Subsystem sftp internal-sftp';
const silent = { code: 0, signal: null, stdout: '', stderr: '' } satisfies Outcome;

interface Scene {
  readonly store: MachineStore;
  /** Servers of the machines `one` and `two`, with different ports and keys. */
  readonly servers: readonly SshServer[];
  /** A file of the test. */
  readonly file: (name: string) => string;
}

/** Runs a test with two machines, or says why not. */
async function withMachines(
  t: ExecutionContext,
  program: 'scp' | 'rsync' | undefined,
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  const missing =
    sshdMissing() ??
    (program !== undefined && findProgram(program) === undefined ? `needs ${program}` : undefined);
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const servers = [await startSshd({ config: [sftp] }), await startSshd({ config: [sftp] })];
  const store = makeMachineStore("st'ore x");
  try {
    for (const [index, server] of servers.entries()) {
      await store.add(index === 0 ? 'one' : 'two', server);
    }
    await body({ store, servers, file: (name) => join(store.files, name) });
  } finally {
    store.dispose();
    for (const server of servers) {
      await server.stop();
    }
  }
}

function scpLeftovers(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('tsmachine-scp-'));
}

test('scp copies up, down and between machines of which each has its port, key and host key', async (t) => {
  await withMachines(t, 'scp', async ({ store, servers, file }) => {
    writeFileSync(file('a'), 'content');
    t.deepEqual(await store.tsmachine(['scp', '-q', file('a'), `one:${file('b')}`]), silent);
    t.is(readFileSync(file('b'), 'utf8'), 'content');
    const [user = ''] = servers.map((server) => server.user);
    t.deepEqual(
      await store.tsmachine(['scp', `${user}@two:${file('b')}`, `localhost:${file('c')}`, '-q']),
      silent,
    );
    t.is(readFileSync(file('c'), 'utf8'), 'content');
    t.deepEqual(await store.tsmachine(['scp', `one:${file('c')}`, `two:${file('d')}`]), silent);
    t.is(readFileSync(file('d'), 'utf8'), 'content');
    for (const server of servers) {
      t.regex(server.log(), /Accepted publickey/);
    }
    t.deepEqual(scpLeftovers(), []);
  });
});

test('scp -r copies in the order that was written, wherever the flag stands', async (t) => {
  await withMachines(t, 'scp', async ({ store, file }) => {
    mkdirSync(join(file('from'), 'below'), { recursive: true });
    writeFileSync(join(file('from'), 'below', 'x'), 'x');
    mkdirSync(file('to'));
    t.deepEqual(await store.tsmachine(['scp', `one:${file('from')}`, '-r', file('to')]), silent);
    t.is(readFileSync(join(file('to'), 'from', 'below', 'x'), 'utf8'), 'x');
    t.deepEqual(readdirSync(file('from')), ['below']);
  });
});

test('scp: a host key that is not the pinned one of its machine is refused', async (t) => {
  await withMachines(t, 'scp', async ({ store, servers, file }) => {
    const [, second] = servers;
    writeFileSync(file('a'), 'content');
    await store.add('two', second as SshServer, {
      hostKey: generateSshKeyPair({ randomBytes }, 'other').publicLine,
    });
    const { code, stderr } = await store.tsmachine(['scp', `one:${file('a')}`, `two:${file('b')}`]);
    t.is(code, 1);
    t.regex(stderr, /Host key verification failed/);
    t.regex(stderr, /^error: exit status \d+ \[program-failed\]$/m);
    t.false(existsSync(file('b')));
  });
});

const hostile = [
  'a b',
  '-x',
  "quo'te",
  'dou"ble',
  '$(touch executed)',
  '`touch executed`',
  'a;touch executed',
  'a|b',
  'é',
  ':x',
] as const;

for (const program of ['scp', 'rsync'] as const) {
  test(`${program}: names that a shell or the program could take for something else`, async (t) => {
    await withMachines(t, program, async ({ store, file }) => {
      const flags = program === 'rsync' ? ['-d', '-q'] : ['-q'];
      for (const [index, name] of hostile.entries()) {
        mkdirSync(file(`r${index}`));
        writeFileSync(join(file(`r${index}`), name), name);
        const up = `one:${join(file(`r${index}`), name)}`;
        t.deepEqual(await store.tsmachine(['scp', ...flags, up, file(`down${index}`)]), silent, name);
        t.is(readFileSync(file(`down${index}`), 'utf8'), name);
        t.deepEqual(
          await store.tsmachine(['scp', ...flags, file(`down${index}`), `one:${file(`up ${name}`)}`]),
          silent,
          name,
        );
        t.is(readFileSync(file(`up ${name}`), 'utf8'), name);
      }
      t.false(existsSync('executed'));
      t.false(existsSync(join(process.env['HOME'] ?? '/', 'executed')));
    });
  });
}

test('scp -d sends with rsync, up and down, and refuses two machines', async (t) => {
  await withMachines(t, 'rsync', async ({ store, file }) => {
    mkdirSync(file('tree'));
    writeFileSync(join(file('tree'), 'x'), 'x');
    const up = await store.tsmachine(['scp', '-d', '-r', `${file('tree')}/`, `one:${file('there')}`]);
    t.is(up.code, 0, up.stderr);
    t.regex(up.stdout, /100%/);
    t.deepEqual(
      await store.tsmachine(['scp', '-r', '-d', '-q', `two:${file('there')}/`, file('back')]),
      silent,
    );
    t.is(readFileSync(join(file('back'), 'x'), 'utf8'), 'x');
    const both = await store.tsmachine(['scp', '-d', `one:${file('tree')}`, `two:${file('b')}`]);
    t.is(both.code, 2);
    t.regex(both.stderr, /rsync copies nothing from one machine to another/);
    t.regex(both.stderr, /try: Or copy by way of this computer: scp -d ONE:PATH DIRECTORY/);
  });
});

const native = '--native-ssh';

test('without scp files are copied by SFTP: up, down and between machines', async (t) => {
  await withMachines(t, undefined, async ({ store, servers, file }) => {
    const content = randomBytes(300_000);
    writeFileSync(file('a'), content, { mode: 0o640 });
    // No program is on PATH.
    const env = { PATH: store.files };
    t.deepEqual(await store.tsmachine(['scp', file('a'), `one:${file('b')}`], { env }), silent);
    t.deepEqual(readFileSync(file('b')), content);
    t.is(statSync(file('b')).mode & 0o777, 0o640);
    const [, second] = servers;
    t.deepEqual(
      await store.tsmachine([native, 'scp', `${second?.user ?? ''}@two:${file('b')}`, file('c')]),
      silent,
    );
    t.deepEqual(readFileSync(file('c')), content);
    t.deepEqual(await store.tsmachine([native, 'scp', `one:${file('c')}`, `two:${file('d')}`]), silent);
    t.deepEqual(readFileSync(file('d')), content);
    for (const server of servers) {
      t.regex(server.log(), /Accepted publickey/);
    }
  });
});

test('SFTP: into a directory, over a file that keeps its mode, and what is empty', async (t) => {
  await withMachines(t, undefined, async ({ store, file }) => {
    mkdirSync(file('to'));
    writeFileSync(file('empty'), '');
    t.deepEqual(await store.tsmachine([native, 'scp', file('empty'), `one:${file('to')}`]), silent);
    t.is(readFileSync(join(file('to'), 'empty'), 'utf8'), '');
    writeFileSync(file('new'), 'new');
    writeFileSync(file('old'), 'old');
    chmodSync(file('old'), 0o600);
    for (const target of [`one:${file('old')}`, file('old')]) {
      writeFileSync(file('old'), 'old');
      t.deepEqual(await store.tsmachine([native, 'scp', `two:${file('new')}`, target]), silent);
      t.is(readFileSync(file('old'), 'utf8'), 'new');
      t.is(statSync(file('old')).mode & 0o777, 0o600);
    }
    t.deepEqual(readdirSync(store.files).sort(), ['empty', 'new', 'old', 'to']);
  });
});

test('SFTP: directories with -r alone, up, down and between; a link to a directory is left out', async (t) => {
  await withMachines(t, undefined, async ({ store, file }) => {
    mkdirSync(join(file('from'), 'below', 'empty'), { recursive: true });
    writeFileSync(join(file('from'), 'below', 'x'), 'x');
    symlinkSync('x', join(file('from'), 'below', 'link'));
    symlinkSync('..', join(file('from'), 'below', 'loop'));
    const refused = await store.tsmachine([native, 'scp', file('from'), `one:${file('up')}`]);
    t.is(refused.code, 2);
    t.regex(refused.stderr, /is a directory.*\ntry: Copy it with what is in it: scp -r/);
    for (const [source, target, name] of [
      [file('from'), `one:${file('up')}`, 'up'],
      [`one:${file('from')}`, file('down'), 'down'],
      [`one:${file('from')}`, `two:${file('across')}`, 'across'],
    ] as const) {
      const { code, stderr } = await store.tsmachine([native, 'scp', '-r', source, target]);
      t.is(code, 0, stderr);
      t.deepEqual(readdirSync(join(file(name), 'below')).sort(), ['empty', 'link', 'x']);
      t.is(readFileSync(join(file(name), 'below', 'link'), 'utf8'), 'x');
    }
    t.is((await store.tsmachine([native, 'scp', '-r', file('from'), `one:${file('up')}`])).code, 0);
    t.is(readFileSync(join(file('up'), 'from', 'below', 'x'), 'utf8'), 'x');
  });
});

test('SFTP: hostile names, and what is not there', async (t) => {
  await withMachines(t, undefined, async ({ store, file }) => {
    for (const [index, name] of hostile.entries()) {
      mkdirSync(file(`r${index}`));
      writeFileSync(join(file(`r${index}`), name), name);
      t.deepEqual(
        await store.tsmachine([native, 'scp', `one:${join(file(`r${index}`), name)}`, file(`down${index}`)]),
        silent,
        name,
      );
      t.is(readFileSync(file(`down${index}`), 'utf8'), name);
    }
    const missing = await store.tsmachine([native, 'scp', `one:${file('nope')}`, file('x')]);
    t.is(missing.code, 1);
    t.regex(missing.stderr, /nope: no such file or directory \[program-failed\]/);
    const closed = await store.tsmachine([native, 'scp', file('down0'), `one:${file('nope/x')}`]);
    t.is(closed.code, 1);
    t.regex(closed.stderr, /nope\/x.* on the machine: No such file/);
    t.false(existsSync(file('x')));
  });
});
