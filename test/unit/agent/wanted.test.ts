import test from 'ava';
import fc from 'fast-check';
import { diffForwards, forwardKey } from '../../../src/agent/diff.ts';
import { wantedPorts } from '../../../src/agent/wanted.ts';
import type { PortForward } from '../../../src/drivers/driver.ts';
import type { PublishedPort, RunningContainer } from '../../../src/engine/containers.ts';

function container(
  name: string,
  ...ports: readonly (readonly [address: string, port: number])[]
): Pick<RunningContainer, 'name' | 'ports'> {
  return {
    name,
    ports: ports.map(([address, port]) => ({ protocol: 'tcp', address, port, containerPort: 80 })),
  };
}

const places: readonly {
  readonly what: string;
  readonly bound: readonly string[];
  readonly loopback: object;
  readonly all: object;
}[] = [
  {
    what: 'every address',
    bound: ['0.0.0.0', '::'],
    loopback: { address: '127.0.0.1', twin: '::1', guestAddress: 'any' },
    all: { address: '0.0.0.0', twin: '::', guestAddress: 'any' },
  },
  {
    what: 'every address of IPv4',
    bound: ['0.0.0.0'],
    loopback: { address: '127.0.0.1', twin: '::1', guestAddress: 'any' },
    all: { address: '0.0.0.0', guestAddress: 'any' },
  },
  {
    what: 'every address of IPv6',
    bound: ['::'],
    loopback: { address: '127.0.0.1', twin: '::1', guestAddress: '::1' },
    all: { address: '::', guestAddress: '::1' },
  },
  {
    what: 'an engine that does not say',
    bound: [''],
    loopback: { address: '127.0.0.1', twin: '::1', guestAddress: 'any' },
    all: { address: '0.0.0.0', guestAddress: 'any' },
  },
  ...['127.0.0.1', '127.0.0.7', '10.0.2.15'].map((guestAddress) => ({
    what: guestAddress,
    bound: [guestAddress],
    loopback: { address: '127.0.0.1', guestAddress },
    all: { address: '127.0.0.1', guestAddress },
  })),
  {
    what: '::1',
    bound: ['::1'],
    loopback: { address: '::1', guestAddress: '::1' },
    all: { address: '::1', guestAddress: '::1' },
  },
];

for (const { what, bound, loopback, all } of places) {
  test(`a port that a container has on ${what}`, (t) => {
    const containers = [container('web', ...bound.map((address) => [address, 8080] as const))];
    const rest = { protocol: 'tcp', port: 8080, containerPort: 80, container: 'web' } as const;
    t.deepEqual(wantedPorts(containers, 'loopback'), {
      wanted: [{ ...rest, ...loopback }],
      clashes: [],
    } as never);
    t.deepEqual(wantedPorts(containers, 'all'), { wanted: [{ ...rest, ...all }], clashes: [] } as never);
    t.deepEqual(wantedPorts(containers, 'none'), { wanted: [], clashes: [] });
  });
}

test('two containers that would be in one place here: the first has it', (t) => {
  const containers = [container('a', ['127.0.0.1', 80]), container('b', ['10.0.2.15', 80])];
  const { wanted, clashes } = wantedPorts(containers, 'loopback');
  t.deepEqual(
    wanted.map((port) => port.container),
    ['a'],
  );
  t.deepEqual(
    clashes.map(({ port, holder }) => [port.container, holder]),
    [['b', 'a']],
  );
});

test('TCP and UDP are not in each other’s way, nor are ports of one range', (t) => {
  const ports: PublishedPort[] = [8000, 8001, 8002].flatMap((port) =>
    (['tcp', 'udp'] as const).map((protocol) => ({
      protocol,
      address: '0.0.0.0',
      port,
      containerPort: port,
    })),
  );
  const { wanted, clashes } = wantedPorts([{ name: 'a', ports }], 'loopback');
  t.is(wanted.length, 6);
  t.deepEqual(clashes, []);
});

const anyPort = fc.record({
  protocol: fc.constantFrom('tcp' as const, 'udp' as const),
  address: fc.constantFrom('0.0.0.0', '::', '127.0.0.1', '::1', '10.0.2.15', ''),
  port: fc.integer({ min: 1, max: 6 }),
  containerPort: fc.integer({ min: 1, max: 3 }),
});
const anyContainers = fc.array(fc.array(anyPort, { maxLength: 6 }), { maxLength: 4 });

test('no two wanted ports are in one place, none is lost, and loopback stays on loopback', (t) => {
  fc.assert(
    fc.property(anyContainers, fc.constantFrom('loopback' as const, 'all' as const), (lists, mode) => {
      const containers = lists.map((ports, index) => ({ id: `c${index}`, name: `c${index}`, ports }));
      const { wanted, clashes } = wantedPorts(containers, mode);
      const keys = wanted.map(
        ({ protocol, address, port }) => `${protocol} ${port} ${address.includes(':')}`,
      );
      t.is(new Set(keys).size, keys.length);
      const all = [...wanted, ...clashes.map(({ port }) => port)];
      for (const { name, ports } of containers) {
        for (const { protocol, port } of ports) {
          t.true(
            all.some((each) => each.container === name && each.protocol === protocol && each.port === port),
          );
        }
      }
      t.true(mode === 'all' || wanted.every(({ address }) => address === '::1' || address === '127.0.0.1'));
    }),
    { seed: 11, numRuns: 300 },
  );
});

const anyForward: fc.Arbitrary<PortForward> = fc.record({
  protocol: fc.constantFrom('tcp' as const, 'udp' as const),
  hostAddress: fc.constantFrom('127.0.0.1', '0.0.0.0'),
  hostPort: fc.integer({ min: 1, max: 4 }),
  guestPort: fc.integer({ min: 1, max: 4 }),
});
const anyForwards = fc.uniqueArray(anyForward, { selector: forwardKey });

test('the difference turns what is there into what is wanted, and touches nothing else', (t) => {
  fc.assert(
    fc.property(anyForwards, anyForwards, (present, wanted) => {
      const { remove, add } = diffForwards(present, wanted);
      const removed = new Set(remove.map(forwardKey));
      const after = [...present.filter((each) => !removed.has(forwardKey(each))), ...add].map(forwardKey);
      t.deepEqual(after.sort(), wanted.map(forwardKey).sort());
      const [before, goal] = [present, wanted].map((list) => new Set(list.map(forwardKey)));
      t.true(remove.every((each) => goal?.has(forwardKey(each)) === false));
      t.true(add.every((each) => before?.has(forwardKey(each)) === false));
    }),
    { seed: 12, numRuns: 300 },
  );
});
