import test from 'ava';
import fc from 'fast-check';
import { settleInParallel } from '../../../src/core/in-parallel.ts';
import { run } from '../../../src/cli/main.ts';
import { expandNames } from '../../../src/cli/name-range.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';
import { createFakeIo } from '../../fakes/io.ts';

const names: readonly (readonly [readonly string[], number | undefined, readonly string[]])[] = [
  [['dev'], undefined, ['dev']],
  [['a', 'b'], undefined, ['a', 'b']],
  [['build-{1..3}'], undefined, ['build-1', 'build-2', 'build-3']],
  [['build-{08..10}'], undefined, ['build-08', 'build-09', 'build-10']],
  [['{2..1}x'], undefined, ['2x', '1x']],
  [['{a,b}-{1..2}'], undefined, ['a-1', 'a-2', 'b-1', 'b-2']],
  [['build'], 3, ['build-1', 'build-2', 'build-3']],
  [['a', 'b'], 1, ['a-1', 'b-1']],
];

for (const [patterns, count, expected] of names) {
  test(`names: ${patterns.join(' ')}${count === undefined ? '' : ` --count ${count}`}`, (t) => {
    t.deepEqual(expandNames(patterns, count), expected);
  });
}

for (const [patterns, count, message] of [
  [['a', 'b', 'a'], undefined, /"a" is there twice/],
  [['{1..100000}'], undefined, /100000 machines are more/],
  [['{1..100}{1..100}'], undefined, /10000 machines are more/],
  [['a'], 1001, /1001 machines are more/],
  [['a{}'], undefined, /no range of names/],
  [['a{1..}'], undefined, /no range of names/],
  [['a'], 0, /--count takes/],
] as const) {
  test(`names that are refused: ${patterns.join(' ')} ${count ?? ''}`, (t) => {
    t.throws(() => expandNames(patterns, count), { code: 'arguments-invalid', message });
  });
}

test('whatever is between braces ends in names or a clear error', (t) => {
  const text = fc.string({ unit: fc.constantFrom('a', '{', '}', '.', ',', '1', '0', '-'), maxLength: 12 });
  fc.assert(
    fc.property(text, (pattern) => {
      try {
        expandNames([pattern]);
      } catch (error) {
        return (error as { code?: string }).code === 'arguments-invalid';
      }
      return true;
    }),
    { seed: 20_261_126, numRuns: 2000 },
  );
  t.pass();
});

test('so many at a time, all of them, results in order', async (t) => {
  let running = 0;
  let most = 0;
  const results = await settleInParallel([1, 2, 3, 4, 5], 2, async (item) => {
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    running -= 1;
    if (item === 2) {
      throw new Error('two');
    }
    return item * 10;
  });
  t.is(most, 2);
  t.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value : 'failed')),
    [10, 'failed', 30, 40, 50],
  );
});

async function call(line: string, host: FakeHost): Promise<{ code: number; out: string; err: string }> {
  const io = createFakeIo(host);
  const code = await run(line.split(' '), io);
  return { code, out: io.stdout.text, err: io.stderr.text };
}

const none = 'create -d none --url tcp://127.0.0.1:1';
const machines = '/home/ann/.docker/machine/machines';
const newHost = (): FakeHost =>
  createFakeHost({ tree: { '/opt/tsmachine/package.json': '{"version":"1.2.3"}' } });

test('many are made, with one summary', async (t) => {
  const host = newHost();
  const { code, err } = await call(`${none} --parallel 3 build-{1..5}`, host);
  t.is(code, 0, err);
  t.regex(err, /^Making 5 machines, 3 at a time\.$/m);
  t.regex(err, /^5 of 5 machines are ready\.$/m);
  for (const number of [1, 2, 3, 4, 5]) {
    t.not(host.files.text(`${machines}/build-${number}/config.json`), undefined);
  }
});

test('one that fails does not keep the others from being made, and is told by its name', async (t) => {
  const host = newHost();
  await call(`${none} build-2`, host);
  const { code, err } = await call(`${none} build-{1..3}`, host);
  t.is(code, 1);
  t.regex(err, /"build-2" already exists/);
  t.regex(err, /^2 of 3 machines are ready\.$/m);
  t.not(host.files.text(`${machines}/build-3/config.json`), undefined);
});

test('a name that cannot be refuses all of them before anything is made', async (t) => {
  const host = newHost();
  const { code } = await call(`${none} ok bad_name`, host);
  t.not(code, 0);
  t.is(host.files.text(`${machines}/ok/config.json`), undefined);
});

test('--plan and --resume take one machine', async (t) => {
  for (const option of ['--plan', '--resume']) {
    const { code, err } = await call(`${none} ${option} a b`, newHost());
    t.is(code, 2);
    t.regex(err, /take one machine/);
  }
});

test('--json prints a line for each', async (t) => {
  const { out } = await call(`${none} --json a b`, newHost());
  const lines = out
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { name: string }).name);
  t.deepEqual(lines.sort(), ['a', 'b']);
});
