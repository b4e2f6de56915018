import test from 'ava';
import { formatGoDuration, parseGoDuration } from '../../../src/cli/go-duration.ts';
import { alignTabs } from '../../../src/cli/render/tabwriter.ts';

test('durations as Go prints them', (t) => {
  const cases: readonly (readonly [bigint, string])[] = [
    [0n, '0s'],
    [1n, '1ns'],
    [1_500n, '1.5µs'],
    [64_000_000n, '64ms'],
    [1_000_000_000n, '1s'],
    [1_500_000_000n, '1.5s'],
    [10_000_000_000n, '10s'],
    [90_500_000_000n, '1m30.5s'],
    [3_600_000_000_000n, '1h0m0s'],
    [-2_000_000n, '-2ms'],
  ];
  for (const [nanoseconds, text] of cases) {
    t.is(formatGoDuration(nanoseconds), text);
  }
});

test('columns as text/tabwriter has them', (t) => {
  t.is(alignTabs('a\tb\nccc\td\n'), 'a     b\nccc   d\n');
  // A line without a tab ends the column.
  t.is(alignTabs('aaaaaaa\tb\nx\na\tb'), 'aaaaaaa   b\nx\na    b');
  t.is(alignTabs('a\t\tb\nc\td\te'), 'a         b\nc    d    e');
  t.is(alignTabs('é\tx\nüü\ty'), 'é    x\nüü   y');
  t.is(alignTabs('no tabs'), 'no tabs');
});

test('durations as Go reads them', (t) => {
  t.deepEqual(
    ['4h', '1h30m', '1.5h', '.5s', '90m', '0', '1500ms', '2h0m0s'].map(parseGoDuration),
    [14_400_000, 5_400_000, 5_400_000, 500, 5_400_000, 0, 1500, 7_200_000],
  );
  for (const wrong of ['', '4', '-1h', '1d', 'h', '1 h', '1h ', '1.2.3h', 'off']) {
    t.is(parseGoDuration(wrong), undefined, wrong);
  }
});
