import test from 'ava';
import { MachineError } from '../../../src/core/errors.ts';
import { readLockOwner, withLock, type LockOwner } from '../../../src/store/lock.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';

const path = '/home/ann/store/.certs.lock';
const options = { what: 'create dev', timeoutMs: 2000 };
const ownerText = (owner: Partial<LockOwner>): string =>
  JSON.stringify({
    pid: 50,
    startTime: 'boot/50',
    command: 'start x',
    since: '2026-01-01T00:00:00.000Z',
    token: 't',
    ...owner,
  });
const lockFiles = (host: FakeHost): string[] =>
  [...host.files.nodes.keys()].filter((name) => name.startsWith('/home/ann/store/'));

test('the lock names its owner while it is held, and is gone afterwards', async (t) => {
  const host = createFakeHost();
  const result = await withLock(host, path, options, async () => {
    const owner = await readLockOwner(host, path);
    t.like(owner, {
      pid: 1000,
      startTime: 'boot/own',
      command: 'create dev',
      since: '2026-01-02T03:04:05.000Z',
    });
    t.deepEqual(lockFiles(host), [path]);
    t.is(host.files.nodes.get(path)?.mode, 0o600);
    return 7;
  });
  t.is(result, 7);
  t.deepEqual(lockFiles(host), []);
});

test("the lock is gone after an error, and the error is the action's own", async (t) => {
  const host = createFakeHost();
  await t.throwsAsync(
    withLock(host, path, options, () => Promise.reject(new Error('of the action'))),
    { message: 'of the action' },
  );
  t.deepEqual(lockFiles(host), []);
});

test('one after the other in one process', async (t) => {
  const host = createFakeHost();
  let inside = 0;
  const order: number[] = [];
  const work = async (index: number): Promise<void> =>
    withLock(host, path, { ...options, timeoutMs: 600_000 }, async () => {
      inside += 1;
      t.is(inside, 1);
      await host.clock.sleep(100);
      order.push(index);
      inside -= 1;
    });
  await Promise.all([1, 2, 3, 4].map(work));
  t.deepEqual(order.sort(), [1, 2, 3, 4]);
  t.deepEqual(lockFiles(host), []);
});

test('a living owner is waited for, announced once, and named when time is over', async (t) => {
  const host = createFakeHost({ tree: { [path]: ownerText({}) } });
  host.processes.running.set(50, 'boot/50');
  const seen: LockOwner[] = [];
  const error = await t.throwsAsync(
    withLock(host, path, { ...options, onWait: (owner) => seen.push(owner) }, () => Promise.resolve()),
    { instanceOf: MachineError },
  );
  t.is(error.code, 'record-locked');
  t.true(error.message.includes('"start x" (process 50)'));
  t.like(error.facts, { pid: 50, command: 'start x', path });
  t.is(seen.length, 1);
  t.true(host.clock.monotonicMs() >= 2000 && host.clock.monotonicMs() < 3000);
  t.is(host.files.text(path), ownerText({}));
});

for (const [name, text] of [
  ['a dead owner', ownerText({})],
  ['another process with the pid of the owner', ownerText({ startTime: 'earlier boot/50' })],
  ['an empty file of a crashed system', ''],
  ['a file of something else', '{"pid":"50"}'],
] as const) {
  test(`the lock is taken from ${name}`, async (t) => {
    const host = createFakeHost({ tree: { [path]: text, [`${path}.tmp-51-aa`]: 'of a killed process' } });
    if (name.startsWith('another')) {
      host.processes.running.set(50, 'boot/50');
    }
    t.is(await withLock(host, path, options, () => Promise.resolve('mine')), 'mine');
    t.deepEqual(lockFiles(host), []);
  });
}

test('an owner that dies while somebody waits is found out', async (t) => {
  const host = createFakeHost({ tree: { [path]: ownerText({}) } });
  host.processes.running.set(50, 'boot/50');
  const waiting = withLock(
    host,
    path,
    { ...options, timeoutMs: 60_000, onWait: () => host.processes.running.delete(50) },
    () => Promise.resolve('mine'),
  );
  t.is(await waiting, 'mine');
});

test('dead guards are taken too, but not without end', async (t) => {
  const dead = (levels: number): Record<string, string> =>
    Object.fromEntries(
      Array.from({ length: levels }, (_, depth) => [path + '.g'.repeat(depth), ownerText({})]),
    );
  const two = createFakeHost({ tree: dead(3) });
  t.is(await withLock(two, path, options, () => Promise.resolve('mine')), 'mine');
  t.deepEqual(lockFiles(two), []);
  const many = createFakeHost({ tree: dead(9) });
  const error = await t.throwsAsync(
    withLock(many, path, options, () => Promise.resolve()),
    { instanceOf: MachineError },
  );
  t.is(error.code, 'record-locked');
  t.regex(error.remedies.join(), /remove the files/);
});

test('a guard that somebody living holds protects the dead lock', async (t) => {
  const host = createFakeHost({
    tree: { [path]: ownerText({}), [`${path}.g`]: ownerText({ pid: 60, startTime: 'boot/60' }) },
  });
  host.processes.running.set(60, 'boot/60');
  const error = await t.throwsAsync(
    withLock(host, path, options, () => Promise.resolve()),
    { instanceOf: MachineError },
  );
  t.is(error.code, 'record-locked');
  t.is(host.files.text(path), ownerText({}));
});

test('waiting ends when it is interrupted', async (t) => {
  const host = createFakeHost({ tree: { [path]: ownerText({}) } });
  host.processes.running.set(50, 'boot/50');
  const abort = new AbortController();
  const waiting = withLock(
    host,
    path,
    {
      ...options,
      signal: abort.signal,
      onWait: () => {
        abort.abort(new Error('stop'));
      },
    },
    () => Promise.resolve(),
  );
  await t.throwsAsync(waiting, { message: 'stop' });
});

test('a lock that somebody else has by now is not released', async (t) => {
  const host = createFakeHost();
  await withLock(host, path, options, async () => {
    host.files.put(path, ownerText({}));
  });
  t.is(host.files.text(path), ownerText({}));
});

test('a link whose answer was lost is recognised', async (t) => {
  const host = createFakeHost();
  const link = host.files.link.bind(host.files);
  host.files.link = async (from, to) => {
    await link(from, to);
    await link(from, to);
  };
  t.is(await withLock(host, path, options, () => Promise.resolve('mine')), 'mine');
});

test('a file system without hard links is named', async (t) => {
  const host = createFakeHost();
  host.files.inject({ operation: 'link', code: 'ENOTSUP' });
  const error = await t.throwsAsync(
    withLock(host, path, options, () => Promise.resolve()),
    { instanceOf: MachineError },
  );
  t.is(error.code, 'store-write-failed');
  t.regex(error.why ?? '', /hard links/);
  t.deepEqual(lockFiles(host), []);
});
