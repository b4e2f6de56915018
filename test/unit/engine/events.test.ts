import test from 'ava';
import fc from 'fast-check';
import { readContainers } from '../../../src/engine/containers.ts';
import { EventReader, eventsPath } from '../../../src/engine/events.ts';

const line = (action: string, id: string, type = 'container'): string =>
  `${JSON.stringify({ Type: type, Action: action, Actor: { ID: id, Attributes: { name: 'wéb' } } })}\n`;

test('events are the same, wherever the stream is cut', (t) => {
  const bytes = Buffer.from(
    `${line('start', 'a')}\n${line('die', 'b')}not JSON\n[]\n${line('start', 'c', 'network')}`,
  );
  const whole = new EventReader().feed(bytes);
  t.deepEqual(whole, [
    { action: 'start', id: 'a' },
    { action: 'die', id: 'b' },
  ]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: bytes.length })), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const reader = new EventReader();
      const events = places.slice(1).flatMap((end, index) => reader.feed(bytes.subarray(places[index], end)));
      t.deepEqual(events, whole);
    }),
    { seed: 21, numRuns: 200 },
  );
});

test('an event counts when its line is complete', (t) => {
  const reader = new EventReader();
  t.deepEqual(reader.feed(Buffer.from(line('start', 'a').slice(0, -1))), []);
  t.is(reader.feed(Buffer.from('\n')).length, 1);
});

test('a stream without line ends is none', (t) => {
  const reader = new EventReader();
  t.throws(() => {
    for (let times = 0; times < 3; times += 1) {
      reader.feed(Buffer.alloc(512 * 1024, 'x'));
    }
  });
});

test('only what changes published ports is asked for', (t) => {
  const filters = JSON.parse(
    new URL(eventsPath, 'http://docker').searchParams.get('filters') ?? '',
  ) as object;
  t.deepEqual(filters, {
    type: ['container'],
    event: ['create', 'start', 'die', 'rename', 'pause', 'unpause'],
  });
});

test('containers with what they have bound, in the order of their ids', (t) => {
  const body = JSON.stringify([
    {
      Id: 'b2',
      Names: ['/web/alias', '/db'],
      Ports: [
        { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
        { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
        { PrivatePort: 443, Type: 'tcp' },
        { IP: '127.0.0.1', PrivatePort: 53, PublicPort: 53, Type: 'udp' },
        { IP: '0.0.0.0', PrivatePort: 9, PublicPort: 9, Type: 'sctp' },
      ],
      Mounts: [
        { Type: 'bind', Source: '/home/ann/site', Destination: '/www', Mode: '', RW: true },
        { Type: 'bind', Source: '/home/ann/site', Destination: '/again', Mode: 'ro', RW: false },
        { Type: 'volume', Name: 'v', Source: '/var/lib/docker/volumes/v/_data', Destination: '/v' },
        { Type: 'tmpfs', Source: '', Destination: '/t' },
        null,
      ],
    },
    { Id: 'a1'.padEnd(64, '0'), Names: null, Ports: null },
  ]);
  t.deepEqual(readContainers(body), [
    { id: 'a1'.padEnd(64, '0'), name: 'a10000000000', ports: [], binds: [] },
    {
      id: 'b2',
      name: 'db',
      ports: [
        { protocol: 'tcp', address: '0.0.0.0', port: 8080, containerPort: 80 },
        { protocol: 'tcp', address: '::', port: 8080, containerPort: 80 },
        { protocol: 'udp', address: '127.0.0.1', port: 53, containerPort: 53 },
      ],
      binds: ['/home/ann/site'],
    },
  ]);
});

test('whatever an engine answers, reading it does not fail', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (body) => {
      t.true(Array.isArray(readContainers(body)));
    }),
    { seed: 22, numRuns: 500 },
  );
  const hostile = [
    { Id: 'x', Ports: [{ IP: 7, PrivatePort: 80, PublicPort: 99_999, Type: 'tcp' }, null, 1] },
  ];
  t.deepEqual(readContainers(JSON.stringify(hostile)), [{ id: 'x', name: 'x', ports: [], binds: [] }]);
});
