import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
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
  program: 'scp' | 'rsync',
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  const missing = sshdMissing() ?? (findProgram(program) === undefined ? `needs ${program}` : undefined);
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
  });
});
