import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import { createFakeHost } from '../../fakes/host.ts';
import { TextOutput } from '../../fakes/io.ts';
import type { MachineEvent } from '../../../src/core/events.ts';
import { createRenderer } from '../../../src/cli/render/renderer.ts';
import { formatTable } from '../../../src/cli/render/table.ts';
import { formatDuration, printable, redact } from '../../../src/cli/render/text.ts';

const events: readonly MachineEvent[] = [
  { type: 'step-begin', machine: 'dev', step: 'image', summary: 'Choosing the image' },
  { type: 'progress', label: 'Unpacking', done: 0, total: 100 },
  { type: 'progress', label: 'Unpacking', done: 5, total: 100 },
  { type: 'progress', label: 'Unpacking', done: 55, total: 100 },
  { type: 'progress', label: 'Unpacking', done: 100, total: 100 },
  { type: 'progress', label: 'Counting', done: 1 },
  { type: 'progress', label: 'Counting', done: 2 },
  { type: 'step-done', machine: 'dev', step: 'image' },
  { type: 'step-done', machine: 'dev', step: 'keys', adopted: true },
  { type: 'step-begin', machine: 'dev', step: 'boot', summary: 'Starting "dev"...' },
  { type: 'phase', machine: 'dev', phase: 'kernel', atSeconds: 1.25 },
  { type: 'warn', machine: 'dev', message: 'the clock is \u001b[31moff\nby a day' },
  { type: 'step-failed', machine: 'dev', step: 'boot', message: 'no' },
  { type: 'step-undone', machine: 'dev', step: 'image' },
  { type: 'note', message: 'token s3cret was used' },
];

test('plain lines: no colour, no cursor movement, no secrets, progress now and then', async (t) => {
  const stream = new TextOutput();
  const renderer = await createRenderer({ stream, host: createFakeHost(), secrets: ['s3cret'], json: false });
  for (const event of events) {
    renderer.show(event);
  }
  renderer.line('end');
  renderer.close();
  t.deepEqual(stream.text.split('\n'), [
    '(dev) Choosing the image...',
    'Unpacking: 0 %',
    'Unpacking: 55 %',
    'Unpacking: 100 %',
    'Counting: 1',
    '(dev) keys: was done already',
    'Starting "dev"...',
    '(dev)   kernel after 1.3 s',
    '(dev) warning: the clock is \\x1b[31moff\\nby a day',
    '(dev) boot: failed',
    '(dev) image: undone',
    'token *** was used',
    'end',
    '',
  ]);
});

test('JSON lines: every event as it is, without secrets', async (t) => {
  const stream = new TextOutput(true);
  const renderer = await createRenderer({ stream, host: createFakeHost(), secrets: ['s3cret'], json: true });
  for (const event of events) {
    renderer.show(event);
  }
  renderer.line('end');
  const lines = stream.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as MachineEvent);
  t.deepEqual(lines.slice(0, -2), events.slice(0, -1));
  t.deepEqual(lines.slice(-2), [
    { type: 'note', message: 'token *** was used' },
    { type: 'note', message: 'end' },
  ]);
});

test('a terminal keeps finished steps with their time, and is clean afterwards', async (t) => {
  const stream = new TextOutput(true);
  const host = createFakeHost({ env: { TERM: 'xterm', NO_COLOR: '1' } });
  host.clock.mode = 'manual';
  const renderer = await createRenderer({ stream, host, secrets: [], json: false });
  renderer.show({ type: 'step-begin', machine: 'dev', step: 'boot', summary: 'Booting' });
  renderer.show({ type: 'phase', machine: 'dev', phase: 'kernel', atSeconds: 1 });
  host.clock.advance(2500);
  await setImmediate();
  renderer.show({ type: 'progress', label: 'Unpacking', done: 1, total: 4 });
  renderer.show({ type: 'step-done', machine: 'dev', step: 'boot' });
  renderer.line('done');
  renderer.close();
  renderer.close();
  const screen = replay(stream.text);
  t.deepEqual(screen, ['✔ (dev) Booting 2.5 s, kernel 1.0 s', 'done']);
  t.regex(stream.text, /⠙ \(dev\) Booting 2 s, kernel 1\.0 s/);
  t.regex(stream.text, /Unpacking 25 %/);
  t.is(host.clock.sleeps.length > 0, true);
});

test('a terminal that cannot move its cursor gets plain lines', async (t) => {
  const stream = new TextOutput(true);
  const renderer = await createRenderer({
    stream,
    host: createFakeHost({ env: { TERM: 'dumb' } }),
    secrets: [],
    json: false,
  });
  renderer.show({ type: 'step-begin', machine: 'dev', step: 'boot', summary: 'Booting' });
  t.is(stream.text, '(dev) Booting...\n');
});

test('colours only where they are wanted', async (t) => {
  for (const [env, hasColour] of [
    [{ TERM: 'xterm' }, true],
    [{ TERM: 'xterm', NO_COLOR: '1' }, false],
  ] as const) {
    const stream = new TextOutput(true);
    const renderer = await createRenderer({
      stream,
      host: createFakeHost({ env }),
      secrets: [],
      json: false,
    });
    renderer.show({ type: 'warn', message: 'careful' });
    renderer.close();
    // eslint-disable-next-line no-control-regex -- colours are what is looked for
    t.is(/\u001b\[33m/.test(stream.text), hasColour);
  }
});

test("the table is docker-machine's", (t) => {
  const header = ['NAME', 'ACTIVE', 'DRIVER', 'STATE', 'URL', 'SWARM', 'DOCKER', 'ERRORS'];
  t.deepEqual(formatTable([header]), ['NAME   ACTIVE   DRIVER   STATE   URL   SWARM   DOCKER   ERRORS']);
  const row = ['default', '-', 'none', 'Running', 'tcp://127.0.0.1:23760', '', 'v28.2.2', ''];
  t.deepEqual(formatTable([header, row]), [
    'NAME      ACTIVE   DRIVER   STATE     URL                     SWARM   DOCKER    ERRORS',
    'default   -        none     Running   tcp://127.0.0.1:23760           v28.2.2   ',
  ]);
  t.deepEqual(formatTable([['a', 'x\n y\u001b[2J']]), ['a    x y\\x1b[2J']);
  t.deepEqual(
    formatTable([
      ['üß', 'x'],
      ['abcde', 'y'],
    ]),
    ['üß      x', 'abcde   y'],
  );
});

test('printable text has no character that acts on a terminal', (t) => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      (text) => !/[\p{Cc}\u2028\u2029\u202a-\u202e]/u.test(printable(text)),
    ),
  );
  t.is(printable('a\tb\nc\u202ed\u009b'), 'a\\tb\\nc\\u202ed\\x9b');
  t.is(printable('jürgen 文'), 'jürgen 文');
});

test('no form of a secret is left', (t) => {
  const secret = 'p/s "w\\d';
  const forms = [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64'),
    JSON.stringify({ a: secret }),
  ];
  for (const form of forms) {
    const shown = redact(`x ${form} y`, [secret]);
    t.true(shown.includes('***'), form);
    t.false(shown.includes('w\\'), form);
  }
  t.is(redact('see https://ann:pw@example.org/x', []), 'see https://***@example.org/x');
  const pem = ['-----BEGIN EC PRIVATE KEY-----', 'abc', '-----END EC PRIVATE KEY-----'];
  t.is(redact(pem.join('\n'), []), '***');
  t.is(redact(pem.slice(0, 2).join('\n'), []), '***');
});

test('durations', (t) => {
  t.is(formatDuration(5), '5 ms');
  t.is(formatDuration(12_345), '12.3 s');
  t.is(formatDuration(185_000), '3 min 05 s');
});

/** What a terminal shows in the end: knows the few sequences that the display uses. */
function replay(text: string): string[] {
  const lines: string[] = [''];
  let row = 0;
  // eslint-disable-next-line no-control-regex -- the sequences of terminals are what is read
  for (const token of text.match(/\u001b\[[?0-9;]*[A-Za-z]|\n|\r|[^\u001b\n\r]+/g) ?? []) {
    // eslint-disable-next-line no-control-regex
    const control = /^\u001b\[([?0-9;]*)([A-Za-z])$/.exec(token);
    if (token === '\n') {
      row += 1;
      lines[row] ??= '';
    } else if (control === null) {
      lines[row] = (lines[row] ?? '') + (token === '\r' ? '' : token);
    } else if (control[2] === 'A' || control[2] === 'F') {
      row = Math.max(0, row - Number(control[1] === '' ? 1 : control[1]));
    } else if (control[2] === 'K') {
      lines[row] = '';
    } else if (control[2] === 'J') {
      lines.length = row + 1;
      lines[row] = '';
    }
  }
  return lines.filter((line) => line !== '');
}
