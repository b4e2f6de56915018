import { fork, type ChildProcess } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { MachineError } from '../../../src/core/errors.ts';
import { createHost } from '../../../src/host/real.ts';
import type { ProcessIdentity } from '../../../src/host/types.ts';
import { readLockOwner, withLock } from '../../../src/store/lock.ts';
import { loadRecord, removeMachineDirectory } from '../../../src/store/machine-files.ts';
import { newRecord } from '../../../src/store/new-record.ts';
import { certsLockPath, machineFile, machineLockPath } from '../../../src/store/paths.ts';
import { formatRecord } from '../../../src/store/record.ts';

const host = createHost();
const program = path.join(import.meta.dirname, 'store-child.js');

const PROCESSES = 6;
const TURNS_MIN = 200;
const KILLS_MIN = 40;
const LIMIT_MS = 120_000;

function start(args: readonly string[]): ChildProcess {
  return fork(program, args, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    await new Promise((resolve) => child.once('exit', resolve));
  }
}

async function scratchStore(name: string): Promise<string> {
  const storePath = await fs.mkdtemp(path.join(os.tmpdir(), 'tsmachine-store-'));
  const record = newRecord({ storePath, name, driverName: 'none', driver: { URL: 'tcp://127.0.0.1:1' } });
  await host.files.makeDirectory(path.join(storePath, 'machines', name), 0o700);
  await host.files.writeAtomic(machineFile(storePath, name, 'config'), formatRecord(record), 0o600);
  return storePath;
}

test.serial('six processes that kill themselves by chance are never in the lock together', async (t) => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tsmachine-lock-'));
  const lockPath = path.join(dir, 'locks', '.dev.lock');
  const seedBase = Date.now() % 1_000_000;
  t.log(`seed ${seedBase}`);
  let kills = 0;
  let turns = 0;
  let isOver = false;
  const startedMs = Date.now();
  const worker = async (index: number): Promise<void> => {
    for (let life = 0; !isOver; life += 1) {
      const child = start(['lock', lockPath, dir, String(seedBase + index * 1000 + life)]);
      running.set(index, child);
      await ended(child);
      kills += child.signalCode === 'SIGKILL' ? 1 : 0;
    }
  };
  const running = new Map<number, ChildProcess>();
  const workers = Array.from({ length: PROCESSES }, (_, index) => worker(index));
  while (!(turns >= TURNS_MIN && kills >= KILLS_MIN) && Date.now() - startedMs < LIMIT_MS) {
    await host.clock.sleep(200);
    turns = (await fs.readFile(path.join(dir, 'turns'), 'utf8').catch(() => '')).split('\n').length - 1;
  }
  isOver = true;
  for (const child of running.values()) {
    child.kill('SIGKILL');
  }
  await Promise.all(workers);
  t.log(`${turns} turns, ${kills} kills in ${Date.now() - startedMs} ms`);
  t.is(await fs.readFile(path.join(dir, 'violations'), 'utf8').catch(() => ''), '');
  t.true(turns >= TURNS_MIN && kills >= KILLS_MIN, `only ${turns} turns and ${kills} kills in time`);
  // Everybody is dead now: the lock is free, and taking it leaves nothing behind that matters.
  t.is(
    await withLock(host, lockPath, { what: 'last', timeoutMs: 5000 }, () => Promise.resolve('mine')),
    'mine',
  );
  t.is(await readLockOwner(host, lockPath), undefined);
  await fs.rm(dir, { recursive: true });
});

test.serial(
  'a stopped owner keeps the lock, a killed one loses it although its child lives on',
  async (t) => {
    const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tsmachine-hold-'));
    const lockPath = path.join(dir, '.dev.lock');
    const child = start(['hold', lockPath]);
    const left = await new Promise<ProcessIdentity>((resolve) =>
      child.once('message', (message) => {
        resolve(message as ProcessIdentity);
      }),
    );
    child.kill('SIGSTOP');
    const error = await t.throwsAsync(
      withLock(host, lockPath, { what: 'test', timeoutMs: 1500 }, () => Promise.resolve()),
      { instanceOf: MachineError },
    );
    t.is(error.code, 'record-locked');
    t.like(error.facts, { pid: child.pid, command: 'hold' });
    child.kill('SIGKILL');
    await ended(child);
    t.true(await host.processes.isAlive(left));
    t.is(
      await withLock(host, lockPath, { what: 'test', timeoutMs: 5000 }, () => Promise.resolve('mine')),
      'mine',
    );
    await host.processes.signal(left, 'SIGKILL');
    await fs.rm(dir, { recursive: true });
  },
);

test.serial('60 kills of a process that saves records: the record always loads', async (t) => {
  const storePath = await scratchStore('dev');
  const warnings: string[] = [];
  const seen = new Set<unknown>();
  for (let kill = 0; kill < 60; kill += 1) {
    const child = start(['save', storePath, 'dev']);
    await new Promise((resolve) => child.once('message', resolve));
    await host.clock.sleep((kill * 5) % 19);
    child.kill('SIGKILL');
    await ended(child);
    const record = await loadRecord(host, storePath, 'dev', (message) => warnings.push(message));
    seen.add(record.Driver.Writer);
  }
  t.is(seen.size, 60);
  t.deepEqual(warnings, []);
  // What the killed ones left behind is swept up by those after them.
  const names = await fs.readdir(path.join(storePath, 'machines', 'dev'));
  t.true(names.length <= 4, names.join());
  JSON.parse(await fs.readFile(machineFile(storePath, 'dev', 'configBackup'), 'utf8'));
  await fs.rm(storePath, { recursive: true });
});

test('locks are made in a store that does not exist yet, private, and leave nothing', async (t) => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tsmachine-new-'));
  const storePath = path.join(dir, 'deep', 'store');
  await withLock(host, certsLockPath(storePath), { what: 'test', timeoutMs: 1000 }, async () => {
    t.is((await fs.stat(certsLockPath(storePath))).mode & 0o777, 0o600);
  });
  t.is((await fs.stat(storePath)).mode & 0o777, 0o700);
  t.deepEqual(await fs.readdir(storePath), []);
  await fs.rm(dir, { recursive: true });
});

test('a machine is removed under its lock, with what others point at left alone', async (t) => {
  const storePath = await scratchStore('dev');
  const precious = path.join(storePath, 'precious');
  await fs.writeFile(precious, 'x');
  await fs.symlink(storePath, path.join(storePath, 'machines', 'dev', 'up'));
  await fs.symlink(path.join(storePath, 'machines', 'dev'), path.join(storePath, 'machines', 'link'));
  const lock = machineLockPath(storePath, 'dev');
  await withLock(host, lock, { what: 'rm dev', timeoutMs: 1000 }, async () => {
    await removeMachineDirectory(host, storePath, 'link');
    t.like(await loadRecord(host, storePath, 'dev'), { Name: 'dev' });
    await removeMachineDirectory(host, storePath, 'dev');
  });
  t.deepEqual(await fs.readdir(path.join(storePath, 'machines')), []);
  t.is(await fs.readFile(precious, 'utf8'), 'x');
  await fs.rm(storePath, { recursive: true });
});
