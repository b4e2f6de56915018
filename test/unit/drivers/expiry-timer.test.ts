import test from 'ava';
import { timerScript } from '../../../src/drivers/expiry-timer.ts';

test('another time: the timer is written again, and waits for that', (t) => {
  const script = timerScript(Date.parse('2026-01-31T23:59:59.123Z'));
  t.true(script.includes('OnCalendar=2026-01-31 23:59:59 UTC'));
  t.regex(
    script,
    /systemctl enable --now tsmachine-expiry\.timer\nsystemctl restart tsmachine-expiry\.timer\n$/,
  );
});

test('no time: nothing of it is left', (t) => {
  const script = timerScript(undefined);
  t.false(script.includes('OnCalendar'));
  t.regex(script, /disable --now tsmachine-expiry\.timer/);
  t.regex(script, /rm -f \$files\nsystemctl daemon-reload\n$/);
});
