import test from 'ava';
import fc from 'fast-check';
import {
  GuestPhaseParser,
  guestPhases,
  parseGuestMark,
  type GuestMark,
} from '../../../src/drivers/guest-phases.ts';

const encoder = new TextEncoder();

function feedAll(pieces: readonly Uint8Array[]): GuestMark[] {
  const parser = new GuestPhaseParser();
  return pieces.flatMap((piece) => parser.feed(piece));
}

test('a line with and without detail, with either line end', (t) => {
  t.deepEqual(feedAll([encoder.encode('TS 3.20 init\r\nTS 12 ready 10.0.2.15 \n')]), [
    { atSeconds: 3.2, phase: 'init' },
    { atSeconds: 12, phase: 'ready', detail: '10.0.2.15' },
  ]);
});

test('marks are found behind firmware escape sequences, kernel text and binary', (t) => {
  const firmware = '\u001bc\u001b[?7l\u001b[2J\u001b[0mSeaBIOS (version 1.16)\u001b[1;1HBooting from ROM..';
  const bytes = [
    ...encoder.encode(firmware),
    ...[0xff, 0xfe, 0x00, 0x80],
    ...encoder.encode('\u001b[mTS 4.06 in\u001b[0mit\r\n[    5.2] random: crng init done TS 5.22 stage2\n'),
  ];
  t.deepEqual(feedAll([new Uint8Array(bytes)]), [
    { atSeconds: 4.06, phase: 'init' },
    { atSeconds: 5.22, phase: 'stage2' },
  ]);
});

test('a failure says on what the guest gave up, without control characters', (t) => {
  t.deepEqual(parseGuestMark('TS 7.5 failed data: no disk \u001b[31mcarries\u0007the label: a'), {
    atSeconds: 7.5,
    phase: 'failed',
    failed: 'data',
    detail: 'no disk carries the label: a',
  });
  t.deepEqual(parseGuestMark('TS 7.5 failed'), { atSeconds: 7.5, phase: 'failed', failed: '', detail: '' });
});

test('what only looks like a mark is none', (t) => {
  for (const line of [
    'TS init',
    'TS 1.2',
    'ATTS 1.2 init',
    'TS 1.2.3 init',
    'TS -1 init',
    'TS 1 Init',
    'ts 1 init',
    '',
  ]) {
    t.is(parseGuestMark(line), undefined, line);
  }
});

test('a line counts only when its end has arrived', (t) => {
  const parser = new GuestPhaseParser();
  t.deepEqual(parser.feed(encoder.encode('TS 1 re')), []);
  t.deepEqual(parser.feed(encoder.encode('ady')), []);
  t.deepEqual(parser.feed(encoder.encode('\n')), [{ atSeconds: 1, phase: 'ready' }]);
});

test('endless output without a line end is not kept', (t) => {
  const parser = new GuestPhaseParser();
  for (let count = 0; count < 200; count += 1) {
    parser.feed(encoder.encode('x'.repeat(10_000)));
  }
  t.deepEqual(parser.feed(encoder.encode(' TS 9 net\n')), [{ atSeconds: 9, phase: 'net' }]);
});

test('property: however the console is cut, the marks are the same', (t) => {
  const line = fc.record({
    noise: fc.stringMatching(/^[^\r\n]{0,20}$/),
    at: fc.integer({ min: 0, max: 99_999 }),
    phase: fc.constantFrom(...guestPhases),
  });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(400), { maxLength: 10 }), (lines, cuts) => {
      const text = encoder.encode(
        lines.map((mark) => `${mark.noise} TS ${mark.at / 100} ${mark.phase}\r\n`).join(''),
      );
      const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
      const pieces = places.slice(1).map((end, index) => text.subarray(places[index], end));
      t.deepEqual(feedAll(pieces), feedAll([text]));
      t.is(feedAll([text]).length, lines.length);
    }),
    { seed: 1, numRuns: 200 },
  );
});
