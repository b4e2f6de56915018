import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import type { MachineError } from '../../../src/core/errors.ts';
import { createHost } from '../../../src/host/real.ts';
import { findProgram } from '../../../src/host/find-program.ts';

const host = createHost();
const { processes } = host;
const node = process.execPath;
const script = (code: string): readonly string[] => ['-e', code];
const failure = async (action: Promise<unknown>): Promise<MachineError> =>
  action.then(
    () => {
      throw new Error('it succeeded');
    },
    (error: unknown) => error as MachineError,
  );

test('a program gets its arguments as they are, input and environment, and gives both outputs', async (t) => {
  const args = ['a b', '$(id)', '"', "'", '\\', '', '*', '--x', 'ü'];
  const code = `process.stdout.write(JSON.stringify([process.argv.slice(1), process.env.EXTRA, process.cwd()]));
    process.stderr.write('note'); process.stdin.pipe(process.stdout)`;
  const dir = await fs.realpath(os.tmpdir());
  const result = await processes.run(node, [...script(code), '--', ...args], {
    timeoutMs: 20_000,
    input: 'given',
    env: { EXTRA: 'yes' },
    cwd: dir,
  });
  t.deepEqual(result, { exitCode: 0, stdout: `${JSON.stringify([args, 'yes', dir])}given`, stderr: 'note' });
});

test('without input there is nothing to read', async (t) => {
  const code = `process.stdin.on('end', () => console.log('end')).resume()`;
  t.is((await processes.run(node, script(code), { timeoutMs: 20_000 })).stdout, 'end\n');
});

test('exit codes are answers or errors', async (t) => {
  const code = script(`console.log('out'); console.error('no\\nreason'); process.exit(4)`);
  const accepted = { exitCode: 4, stdout: 'out\n', stderr: 'no\nreason\n' };
  t.deepEqual(await processes.run(node, code, { timeoutMs: 20_000, acceptExitCodes: [4] }), accepted);
  t.deepEqual(await processes.run(node, code, { timeoutMs: 20_000, acceptExitCodes: 'any' }), accepted);
  const error = await failure(processes.run(node, code, { timeoutMs: 20_000, acceptExitCodes: [3] }));
  t.is(error.code, 'program-failed');
  t.is(error.why, 'reason');
  t.like(error.facts, accepted);
});

test('arguments and environment of a failed program are in no text of the error', async (t) => {
  const args = [...script('process.exit(1)'), 'sentinel-argument'];
  const error = await failure(
    processes.run(node, args, { timeoutMs: 20_000, env: { TOKEN: 'sentinel-environment' } }),
  );
  let text = '';
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    text += `${at.message}\n${at.stack ?? ''}\n${JSON.stringify(at)}`;
  }
  t.notRegex(text, /sentinel/);
});

test('a missing program and a missing directory are told apart', async (t) => {
  t.is(
    (await failure(processes.run('tsmachine-no-such-program', [], { timeoutMs: 1000 }))).code,
    'program-missing',
  );
  const error = await failure(processes.run(node, ['-v'], { timeoutMs: 20_000, cwd: '/no/such/directory' }));
  t.is(error.code, 'program-failed');
});

test('a time-out ends the program', async (t) => {
  const startedMs = Date.now();
  const error = await failure(processes.run(node, script('setTimeout(() => {}, 60000)'), { timeoutMs: 500 }));
  t.is(error.code, 'program-failed');
  t.regex(error.message, /did not end within 0.5 s/);
  t.true(Date.now() - startedMs < 15_000);
});

test('an abort ends the program, and its reason is the error', async (t) => {
  const abort = new AbortController();
  const run = processes.run(node, script('setTimeout(() => {}, 60000)'), {
    timeoutMs: 60_000,
    signal: abort.signal,
  });
  setTimeout(() => {
    abort.abort(new Error('the user stopped it'));
  }, 300);
  await t.throwsAsync(run, { message: 'the user stopped it' });
});

test('a daemon that a program leaves behind does not keep us', async (t) => {
  if (process.platform === 'win32') {
    t.log('skipped: needs sh');
    t.pass();
    return;
  }
  const startedMs = Date.now();
  const { stdout } = await processes.run('sh', ['-c', 'sleep 20 & echo started'], { timeoutMs: 60_000 });
  t.is(stdout, 'started\n');
  t.true(Date.now() - startedMs < 15_000);
});

test('output without end is cut off', async (t) => {
  const code = `const chunk = 'x'.repeat(65536); const go = () => { while (process.stdout.write(chunk)); process.stdout.once('drain', go); }; go()`;
  const error = await failure(processes.run(node, script(code), { timeoutMs: 60_000 }));
  t.regex(error.message, /more than 16 MiB/);
});

test('output that is not UTF-8 or is cut in a character is text all the same', async (t) => {
  const code = `process.stdout.write(Buffer.from([0x61, 0xff, 0xc3])); setTimeout(() => process.stdout.write(Buffer.from([0xbc])), 200)`;
  t.is((await processes.run(node, script(code), { timeoutMs: 20_000 })).stdout, 'a\ufffdü');
});

test('a detached program outlives us, writes its log and is recognised', async (t) => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tsmachine-processes-'));
  const logPath = path.join(dir, 'log');
  const code = `console.log(process.env.EXTRA, process.cwd()); console.error('err'); setInterval(() => {}, 1000)`;
  const identity = await processes.spawnDetached(node, script(code), {
    logPath,
    cwd: dir,
    env: { EXTRA: 'yes' },
  });
  t.true(await processes.isAlive(identity));
  t.false(await processes.isAlive({ ...identity, startTime: 'another' }));
  t.deepEqual(await processes.identify(identity.pid), identity);
  const read = async (): Promise<string> => fs.readFile(logPath, 'utf8');
  for (let attempt = 0; attempt < 100 && !(await read()).includes('err'); attempt += 1) {
    await host.clock.sleep(50);
  }
  t.is(await read(), `yes ${await fs.realpath(dir)}\nerr\n`);
  t.is((await fs.stat(logPath)).mode & 0o777, 0o600);
  t.false(await processes.signal({ ...identity, startTime: 'another' }, 'SIGKILL'));
  t.true(await processes.isAlive(identity));
  t.true(await processes.signal(identity, 'SIGKILL'));
  for (let attempt = 0; attempt < 100 && (await processes.isAlive(identity)); attempt += 1) {
    await host.clock.sleep(50);
  }
  t.false(await processes.isAlive(identity));
  t.false(await processes.signal(identity, 'SIGKILL'));
  t.is(
    (await failure(processes.spawnDetached('tsmachine-no-such-program', [], { logPath }))).code,
    'program-missing',
  );
  await fs.rm(dir, { recursive: true });
});

test('a detached program reads the file that is its input, also when that is removed meanwhile', async (t) => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tsmachine-processes-'));
  const logPath = path.join(dir, 'log');
  const stdinPath = path.join(dir, 'in put');
  await fs.writeFile(stdinPath, 'x'.repeat(300_000));
  const code = `let length = 0; setTimeout(() => process.stdin.on('data', (piece) => { length += piece.length; })
    .on('end', () => console.log('read ' + length)), 300)`;
  const identity = await processes.spawnDetached(node, script(code), { logPath, stdinPath });
  if (process.platform !== 'win32') {
    await fs.rm(stdinPath);
  }
  for (let attempt = 0; attempt < 200 && (await processes.isAlive(identity)); attempt += 1) {
    await host.clock.sleep(50);
  }
  t.is(await fs.readFile(logPath, 'utf8'), 'read 300000\n');
  const missing = path.join(dir, 'none');
  await t.throwsAsync(processes.spawnDetached(node, script(''), { logPath, stdinPath: missing }));
  await fs.rm(dir, { recursive: true });
});

test("identities: our own, nobody's, and two processes one after the other", async (t) => {
  const own = await processes.identify(process.pid);
  t.deepEqual(await processes.identify(process.pid), own);
  t.is(await processes.identify(0), undefined);
  t.is(await processes.identify(-1), undefined);
  t.is(await processes.identify(2 ** 22 + 1), undefined);
  const child = spawn(node, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const other = await processes.identify(child.pid ?? -1);
  t.not(other?.startTime, own?.startTime);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  t.is(await processes.identify(child.pid ?? -1), undefined);
});

test('programs are found on PATH, never in the current or a relative directory', async (t) => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tsmachine-path-'));
  await fs.writeFile(path.join(dir, 'tool'), '#!/bin/sh\n', { mode: 0o755 });
  await fs.writeFile(path.join(dir, 'data'), 'x', { mode: 0o644 });
  await fs.mkdir(path.join(dir, 'folder'), { mode: 0o755 });
  await fs.writeFile(path.join(dir, 'win.EXE'), 'x', { mode: 0o755 });
  const linux = {
    platform: 'linux' as const,
    env: { PATH: `::.:${path.relative(process.cwd(), dir)}:/nowhere:${dir}` },
  };
  t.is(await findProgram(linux, 'tool'), path.join(dir, 'tool'));
  t.is(await findProgram(linux, path.join(dir, 'tool')), path.join(dir, 'tool'));
  t.is(await findProgram(linux, 'data'), undefined);
  t.is(await findProgram(linux, 'folder'), undefined);
  t.is(await findProgram(linux, 'no-such'), undefined);
  const relative = { ...linux, env: { PATH: `.::${path.relative(process.cwd(), dir)}` } };
  t.is(await findProgram(relative, 'tool'), undefined);
  t.is(await findProgram({ platform: 'linux', env: {} }, 'tool'), undefined);
  await fs.rm(dir, { recursive: true });
});
