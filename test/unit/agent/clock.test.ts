import test from 'ava';
import { backOffMs } from '../../../src/agent/back-off.ts';
import { clockError, JumpWatch } from '../../../src/agent/guest-clock.ts';
import { createFakeHost } from '../../fakes/host.ts';

test('back-off: quick at first, then slower, and never slower than five seconds', (t) => {
  t.deepEqual(
    [1, 2, 3, 4, 5, 6, 7, 8, 1000].map(backOffMs),
    [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000],
  );
});

test('the clock of a guest is right when its whole second can be the one in which it answered', (t) => {
  const sentMs = 1_000_000_000_400;
  const answer = (engineMs: number | undefined, tookMs = 20): number | undefined =>
    clockError({ body: '', engineMs, sentMs, answeredMs: sentMs + tookMs });
  t.is(answer(1_000_000_000_000), undefined);
  t.is(answer(999_999_999_000), undefined, 'it may be half a second behind');
  t.is(answer(1_000_000_001_000), 1090, 'it is half a second ahead at least');
  t.is(answer(999_999_998_000), -1910);
  t.is(answer(1_000_000_003_000), 3090);
  t.is(answer(undefined), undefined);
  t.is(answer(999_999_999_000, 4_000), undefined, 'a slow answer may have been true when it was written');
});

test('a jump of the wall clock against the steady one is noticed once', (t) => {
  const { clock } = createFakeHost();
  let sleptMs = 0;
  const watch = new JumpWatch({ ...clock, nowMs: () => clock.nowMs() + sleptMs });
  clock.advance(60_000);
  t.false(watch.hasJumped(), 'time went by');
  sleptMs = 60_000;
  t.true(watch.hasJumped());
  t.false(watch.hasJumped());
  sleptMs = 0;
  t.true(watch.hasJumped(), 'backwards too');
  sleptMs = 900;
  t.false(watch.hasJumped());
});
