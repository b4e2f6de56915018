import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { detectFamily } from '../../../src/provision/detect.ts';
import { longScript, progressMark, type LongScriptOptions } from '../../../src/provision/long-script.ts';
import { parseOsRelease } from '../../../src/provision/os-release.ts';
import { createRootShell } from '../../../src/provision/root-shell.ts';
import { findProgram, run } from '../../support/cli.ts';
import { withConnection, withServer } from '../ssh/with-server.ts';

// What works for minutes on a host, with the shells of hosts: shown while it goes on, and not stopped by a lost connection.

const shells = ['sh', 'dash', 'bash', 'busybox'].filter((name) => findProgram(name) !== undefined);

function argvOf(shell: string): readonly [string, readonly string[]] {
  return shell === 'busybox' ? ['busybox', ['sh', '-s']] : [shell, ['-s']];
}

async function inDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tsm-long-'));
  try {
    await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The script with a lock of its own. */
function scriptOf(body: string, options: Partial<LongScriptOptions> = {}): string {
  const lockPath = path.join(tmpdir(), `tsm-lock-${randomBytes(6).toString('hex')}`);
  return longScript(`rm -f ${lockPath}\n${body}`, { isDone: 'false', lockPath, ...options });
}

for (const shell of shells) {
  const [file, args] = argvOf(shell);

  test(`${shell}: the exit code is that of the body, which stops at its first failure`, async (t) => {
    const good = await run(file, args, { input: scriptOf('echo unheard') });
    t.deepEqual([good.code, good.stdout, good.stderr], [0, '', '']);
    const body = 'echo one; echo two >&2\nfalse\necho three';
    const bad = await run(file, args, { input: scriptOf(body) });
    t.deepEqual([bad.code, bad.stdout, bad.stderr], [1, '', 'one\ntwo\n']);
    const exit = await run(file, args, { input: scriptOf('exit 7') });
    t.is(exit.code, 7);
  });

  test(`${shell}: progress comes at once, everything else only after a failure`, async (t) => {
    const body = 'echo noise; progress "half of it"; echo more noise';
    const { code, stdout } = await run(file, args, { input: scriptOf(body) });
    t.deepEqual([code, stdout], [0, `${progressMark}half of it\n`]);
  });
}

test('a script whose listener goes away comes to its end', async (t) => {
  await inDirectory(async (directory) => {
    const done = path.join(directory, 'done');
    const started = path.join(directory, 'started');
    const body = `touch ${started}; sleep 0.5; echo lost; progress lost; echo lost; touch ${done}`;
    const child = spawn('sh', ['-s'], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    child.stdin.end(`{\n${scriptOf(body)}\n} </dev/null\n`);
    await appears(started);
    child.stdout.destroy();
    child.stderr.destroy();
    await appears(done);
    t.pass();
  });
});

test('of two at the same time the second waits, says so, and does nothing when all is done', async (t) => {
  if (findProgram('flock') === undefined) {
    t.log('skipped: needs flock');
    t.pass();
    return;
  }
  await inDirectory(async (directory) => {
    const [started, goOn, log] = ['started', 'go-on', 'log'].map((name) => path.join(directory, name));
    const body = `echo begin >>${log}; touch ${started}; while [ ! -e ${goOn} ]; do sleep 0.05; done; echo end >>${log}`;
    const script = scriptOf(body, { isDone: `grep -q end ${log}`, lockPath: path.join(directory, 'lock') });
    const first = run('sh', ['-s'], { input: script });
    await appears(started ?? '');
    const second = spawn('sh', ['-s'], { stdio: ['pipe', 'pipe', 'inherit'] });
    second.stdin.end(script);
    const said = await new Promise<string>((resolve) =>
      second.stdout.once('data', (chunk: Buffer) => {
        resolve(chunk.toString());
      }),
    );
    t.is(said, `${progressMark}Waiting for an installation that goes on already.\n`);
    const ended = new Promise<number | null>((resolve) => second.once('exit', resolve));
    await writeFile(goOn ?? '', '');
    t.is((await first).code, 0);
    t.is(await ended, 0);
    t.is(await readFile(log ?? '', 'utf8'), 'begin\nend\n', 'it ran once');
  });
});

test('over SSH, what a script says of its progress is passed on while it works', async (t) => {
  await withServer(t, 'sshd', async (server) => {
    await withConnection(server, async (connection) => {
      const told: string[] = [];
      const shell = createRootShell(connection);
      const output = await shell.require(scriptOf('progress one; echo x; progress "two  three"'), {
        label: 'working',
        timeoutMs: 20_000,
        onProgress: (text) => {
          told.push(text);
        },
      });
      t.deepEqual(told, ['one', 'two  three']);
      t.notRegex(output.stdout, /^x$/m);
    });
  });
});

/** Runs Debian's way to install with an apt-get of the test's, and a sleep that takes no time. */
async function installWith(
  t: ExecutionContext,
  aptGet: string,
): Promise<{ code: number | null; stdout: string; stderr: string; calls: string }> {
  let outcome = { code: null as number | null, stdout: '', stderr: '', calls: '' };
  await inDirectory(async (directory) => {
    const calls = path.join(directory, 'calls');
    const program = (name: string, text: string): Promise<void> =>
      writeFile(path.join(directory, name), `#!/bin/sh\ncalls=${calls}\n${text}\n`, { mode: 0o755 });
    await program('apt-get', `echo "$@" >>$calls\n${aptGet}`);
    await program('apt-cache', 'exit 1');
    await program('sleep', 'echo slept $1 >>$calls');
    await writeFile(calls, '');
    const host = { os: parseOsRelease('ID=debian\n'), architecture: 'x86_64' };
    const script = scriptOf(detectFamily(host.os).install?.(host) ?? '');
    const env = { PATH: `${directory}:${process.env['PATH'] ?? ''}` };
    const { code, stdout, stderr } = await run('sh', ['-s'], { input: script, env });
    outcome = { code, stdout, stderr, calls: await readFile(calls, 'utf8') };
  });
  t.truthy(outcome.calls);
  return outcome;
}

const held = (by: string): string =>
  `echo 'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process ${by}' >&2\n` +
  `echo 'E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?' >&2\nexit 100`;

test("apt's lock: who holds it is said once, and the work goes on when it is free", async (t) => {
  const tries = `n=$(grep -c slept $calls)\nif [ $n -lt 2 ]; then ${held('41 (apt-get)')}; fi\nif [ $n -lt 3 ]; then ${held('42 (unattended-upgr)')}; fi`;
  const { code, stdout, calls } = await installWith(t, tries);
  t.is(code, 0);
  t.deepEqual(stdout.trim().split('\n'), [
    `${progressMark}Waiting for the lock of apt or dpkg, which process 41 (apt-get) holds.`,
    `${progressMark}Waiting for the lock of apt or dpkg, which process 42 (unattended-upgr) holds.`,
  ]);
  t.is(calls.match(/ install /g)?.length, 1);
});

test("apt's lock that is never free: the time-out names who holds it", async (t) => {
  const { code, stderr, calls } = await installWith(t, held('4711 (dpkg)'));
  t.is(code, 1);
  t.regex(stderr, /was not free within 300 s; process 4711 \(dpkg\) holds it/);
  t.is(calls.match(/slept 5/g)?.length, 60);
});

test('what apt-get fails of otherwise is not tried again', async (t) => {
  const { code, stderr, calls } = await installWith(
    t,
    "echo 'E: Unable to fetch some archives' >&2; exit 100",
  );
  t.is(code, 1);
  t.is(stderr, 'E: Unable to fetch some archives\n');
  t.notRegex(calls, /slept/);
});

/** Waits for a file. */
async function appears(file: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    try {
      await access(file);
      return;
    } catch {
      await sleep(20);
    }
  }
  throw new Error(`${file} does not appear`);
}
