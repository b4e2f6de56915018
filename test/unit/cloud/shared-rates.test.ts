import test from 'ava';
import fc from 'fast-check';
import { createApiClient, verdictOfStatus } from '../../../src/cloud/api-client.ts';
import type { RateBucket } from '../../../src/cloud/rate-bucket.ts';
import { replay } from '../../../src/cloud/rate-lines.ts';
import { afterEntry, fullBucket, type RateBudget } from '../../../src/cloud/rate-state.ts';
import { shareRates } from '../../../src/cloud/shared-rates.ts';
import { MachineError } from '../../../src/core/errors.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';

const directory = '/home/user/store/cache/rates';
const budget = { limits: [{ burst: 2, perSecond: 1 }], reserve: 2 } satisfies RateBudget;

/** A process of its own, on the computer of `host`. */
function bucketOf(host: FakeHost, pid: number, account = 'one'): RateBucket {
  const own = { ...host, facts: { ...host.facts, pid } };
  return shareRates({ host: own, directory, provider: 'cloud', account: async () => [account], budget });
}

async function waits(host: FakeHost, action: () => Promise<void>): Promise<number> {
  const beforeMs = host.clock.monotonicMs();
  await action();
  return host.clock.monotonicMs() - beforeMs;
}

const fileNames = (host: FakeHost): string[] =>
  [...host.files.nodes.keys()].filter((path) => path.startsWith(`${directory}/`));

test('processes share one bucket, and accounts do not', async (t) => {
  const host = createFakeHost();
  const [one, two] = [bucketOf(host, 1), bucketOf(host, 2)];
  t.is(await waits(host, () => one.take()), 0);
  t.is(await waits(host, () => two.take()), 0);
  t.is(await waits(host, () => one.take()), 1000);
  t.is(await waits(host, () => two.take()), 1000);
  t.is(await waits(host, () => bucketOf(host, 3, 'another').take()), 0);
  host.clock.advance(10_000);
  t.is(await waits(host, () => two.take()), 0);
});

test('nothing of the account is to be seen', async (t) => {
  const host = createFakeHost();
  await bucketOf(host, 1, 'hush').take();
  const seen = fileNames(host).map((path) => `${path} ${String(host.files.text(path))}`);
  t.is(seen.length, 1);
  t.notRegex(seen.join(), /hush/);
});

test('a pause that one process was told holds for all, also for those who wait already', async (t) => {
  const host = createFakeHost();
  host.clock.mode = 'manual';
  const [one, two] = [bucketOf(host, 1), bucketOf(host, 2)];
  await one.take();
  await one.take();
  let isSent = false;
  const waiting = two.take().then(() => {
    isSent = true;
  });
  await settled();
  await one.pause(30_000);
  for (let second = 0; second < 30; second += 1) {
    host.clock.advance(1000);
    await settled();
    t.false(isSent, `after ${second + 1} s`);
  }
  host.clock.advance(1000);
  await waiting;
  t.true(isSent);
});

test('after a pause requests come one after the other', async (t) => {
  const host = createFakeHost();
  const one = bucketOf(host, 1);
  await bucketOf(host, 2).pause(5000);
  t.is(await waits(host, () => one.take()), 5000);
  t.is(await waits(host, () => one.take()), 1000);
  t.is(await waits(host, () => one.take()), 1000);
});

test('nobody waits longer than two minutes for a server that asks for an hour', async (t) => {
  const host = createFakeHost();
  await bucketOf(host, 1).pause(3_600_000);
  t.is(await waits(host, () => bucketOf(host, 2).take()), 120_000);
});

test('a removal overtakes the queue, and the queue waits for it', async (t) => {
  const host = createFakeHost();
  host.clock.mode = 'manual';
  const one = bucketOf(host, 1);
  const sent: string[] = [];
  const waiting = ['a', 'b', 'c', 'd'].map(async (name) => {
    await one.take();
    sent.push(name);
  });
  await settled();
  await bucketOf(host, 2).take({ isRemoval: true });
  await bucketOf(host, 2).take({ isRemoval: true });
  t.deepEqual(sent, ['a', 'b']);
  host.clock.advance(2000);
  await Promise.all(waiting);
  host.clock.mode = 'auto';
  t.is(await waits(host, () => one.take()), 3000);
});

test('it goes on when files begin anew, and old ones go', async (t) => {
  const host = createFakeHost();
  const one = bucketOf(host, 1);
  for (let count = 0; count < 2600; count += 1) {
    await one.take();
  }
  t.is(await waits(host, () => bucketOf(host, 2).take()), 1000);
  t.true(fileNames(host).length <= 45, fileNames(host).join());
});

test('a damaged file begins anew', async (t) => {
  const host = createFakeHost();
  const one = bucketOf(host, 1);
  await one.take();
  const [path = ''] = fileNames(host);
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.string(), fc.constant('s 1 {"fullMs":[9e99],"reserveFullMs":9e99,"pausedUntilMs":9e99}')),
      async (text) => {
        host.files.put(path, text);
        host.clock.mode = 'auto';
        t.true((await waits(host, () => one.take())) <= 30 * 60_000);
        host.clock.advance(3_600_000);
      },
    ),
    { seed: 1, numRuns: 50 },
  );
  host.files.put(path, `p 99999999999999 999999999999999\nc 1767323045000 x\nd 17`);
  t.true((await waits(host, () => one.take())) <= 125_000);
});

test('a clock that is set back or forward holds nobody up', async (t) => {
  const host = createFakeHost();
  let offsetMs = 0;
  const clock = { ...host.clock, nowMs: () => host.clock.nowMs() + offsetMs };
  const one = bucketOf({ ...host, clock }, 1);
  for (const jumpMs of [0, -3_600_000, 7_200_000, -30_000, -86_400_000]) {
    offsetMs += jumpMs;
    for (let count = 0; count < 3; count += 1) {
      t.true((await waits(host, () => one.take())) <= 4000, `${jumpMs} ms`);
    }
  }
});

test('where nothing can be written the process is on its own', async (t) => {
  const host = createFakeHost();
  host.files.inject({ code: 'EROFS', lasting: true });
  const one = bucketOf(host, 1);
  t.is(await waits(host, () => one.take()), 0);
  await one.pause(3000);
  t.is(await waits(host, () => one.take()), 3000);
  t.is(await waits(host, () => one.take()), 1000);
  const alone = shareRates({
    host,
    directory: undefined,
    provider: 'cloud',
    account: async () => [],
    budget,
  });
  await alone.take();
  await alone.take();
  t.is(await waits(host, () => alone.take()), 1000);
});

test('what is wrong with credentials is told, and asked for again', async (t) => {
  const host = createFakeHost();
  let isWrong = true;
  const bucket = shareRates({
    host,
    directory,
    provider: 'cloud',
    account: async () => {
      if (isWrong) {
        throw new MachineError('credentials-missing', 'No token.');
      }
      return [];
    },
    budget,
  });
  await t.throwsAsync(bucket.take(), { code: 'credentials-missing' });
  isWrong = false;
  await t.notThrowsAsync(bucket.take());
});

test('an abort ends the wait', async (t) => {
  const host = createFakeHost();
  host.clock.mode = 'manual';
  const one = bucketOf(host, 1);
  await one.take();
  await one.take();
  const abort = new AbortController();
  const waiting = one.take({ signal: abort.signal });
  await settled();
  abort.abort(new Error('interrupted'));
  await t.throwsAsync(waiting, { message: 'interrupted' });
});

test('an answer 429 or 503 that asks for a pause slows the others; one that is busy does not', async (t) => {
  for (const [status, headers, pauseMs] of [
    [429, { 'retry-after': '9' }, 9000],
    [503, { 'retry-after': '9' }, 9000],
    [423, {}, 0],
  ] as const) {
    const host = createFakeHost();
    const abort = new AbortController();
    host.http.onRequest = () => ({ status, headers, body: '' });
    host.clock.mode = 'manual';
    const client = createApiClient({
      host,
      signal: abort.signal,
      emit: () => undefined,
      bucket: bucketOf(host, 1),
      retriesMax: 2,
      authorize: async (request) => request,
      judge: (answer) => (answer.status === 423 ? 'busy' : verdictOfStatus(answer.status)),
    });
    const sending = client.send({ method: 'GET', url: 'https://api.example/' }, { isRepeatable: true });
    await settled();
    host.clock.mode = 'auto';
    t.is(await waits(host, () => bucketOf(host, 2).take()), pauseMs, String(status));
    abort.abort(new Error('enough'));
    await t.throwsAsync(sending);
  }
});

test('in any time so many requests are granted and no more', (t) => {
  const limits = [
    { burst: 5, perSecond: 3 },
    { burst: 20, perSecond: 1 },
  ];
  fc.assert(
    fc.property(fc.array(fc.nat(2000), { minLength: 1, maxLength: 120 }), (gaps) => {
      let state = fullBucket;
      let atMs = 1000;
      const grants: number[] = [];
      for (const gap of gaps) {
        atMs += gap;
        const after = afterEntry(state, { kind: 'call', atMs }, { limits, reserve: 3 });
        ({ state } = after);
        grants.push(after.grantMs ?? 0);
      }
      for (const [first, fromMs] of grants.entries()) {
        for (const [count, toMs] of grants.slice(first).entries()) {
          for (const { burst, perSecond } of limits) {
            t.true(count + 1 <= burst + ((toMs - fromMs) / 1000) * perSecond + 0.001);
          }
        }
      }
    }),
    { seed: 1, numRuns: 40 },
  );
});

test('every reader reckons alike, whatever it looks for', (t) => {
  const lines = Array.from({ length: 9 }, (_, index) => `c 1000 1-${index}`).join('\n');
  const grants = Array.from(
    { length: 9 },
    (_, index) => replay(lines, { budget, nowMs: 1000, id: `1-${index}` }).grantMs,
  );
  t.deepEqual(grants, [1000, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000]);
});

async function settled(): Promise<void> {
  for (let count = 0; count < 200; count += 1) {
    await Promise.resolve();
  }
}
