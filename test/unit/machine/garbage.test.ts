import test from 'ava';
import fc from 'fast-check';
import { judge, type KnownMachine, type Terms } from '../../../src/machine/garbage/judge.ts';
import type { OwnedResource } from '../../../src/drivers/owned.ts';

const place = 'here';
const nowMs = 1_000_000;
const terms: Terms = { nowMs };

function resource(kind: OwnedResource['kind'], machineId?: string, createdMs?: number): OwnedResource {
  return {
    ...{ kind, id: `${kind}-${machineId ?? 'shared'}`, name: 'n', place: 'r1' },
    ...(machineId === undefined ? {} : { machineId }),
    ...(createdMs === undefined ? {} : { createdMs }),
  };
}

function idsOf(
  resources: readonly OwnedResource[],
  known: readonly KnownMachine[],
  more: Partial<Terms> = {},
): readonly string[] {
  const listing = { driver: 'd', placeKey: place, resources };
  return judge(listing, known, { ...terms, ...more }).map(({ id, reason }) => `${id} ${reason}`);
}

test('what belongs to no machine goes, and what is shared goes with the last of them', (t) => {
  const all = [resource('instance', 'a'), resource('key', 'a'), resource('group')];
  t.deepEqual(idsOf(all, []), ['instance-a orphan', 'key-a orphan', 'group-shared unused']);
  t.deepEqual(idsOf(all, [{ name: 'a', machineId: 'a', placeKey: place }]), []);
  // One that has made nothing yet may be about to use the group.
  t.deepEqual(idsOf(all, [{ name: 'b', machineId: 'b', placeKey: place }]), [
    'instance-a orphan',
    'key-a orphan',
  ]);
  t.deepEqual(idsOf(all, [{ name: 'b', machineId: 'b', placeKey: 'elsewhere' }]).length, 3);
  t.deepEqual(idsOf(all, [{ name: 'broken' }]), ['instance-a orphan', 'key-a orphan']);
});

test('young things stay, and those without an age, and what they share', (t) => {
  const all = [
    resource('instance', 'a', 999_000),
    resource('instance', 'b'),
    resource('group', undefined, 0),
  ];
  t.deepEqual(idsOf(all, [], { olderThanMs: 5_000 }), []);
  t.deepEqual(idsOf(all, [], { olderThanMs: 1_000 }), ['instance-a orphan']);
  t.deepEqual(idsOf([all[2] as OwnedResource], [], { olderThanMs: 1_000 }), ['group-shared unused']);
});

test('a machine whose time is over goes with what it has', (t) => {
  const known = [{ name: 'a', machineId: 'a', placeKey: place, expiresMs: nowMs }];
  const all = [resource('instance', 'a'), resource('group')];
  t.deepEqual(idsOf(all, known), ['instance-a expired', 'group-shared unused']);
  t.deepEqual(idsOf(all, [{ ...known[0], name: 'a', expiresMs: nowMs + 1 }]), []);
});

test('whatever there is, nothing of a machine that is kept is garbage', (t) => {
  const machineId = fc.constantFrom('a', 'b', 'c', undefined);
  const kind = fc.constantFrom<OwnedResource['kind'][]>('instance', 'key', 'group', 'disk');
  const resources = fc.array(
    fc.record({ kind, machineId, createdMs: fc.option(fc.nat(nowMs), { nil: undefined }) }),
  );
  const known = fc.array(
    fc.record({
      machineId,
      placeKey: fc.constantFrom(place, 'elsewhere', undefined),
      expiresMs: fc.option(fc.integer({ min: 0, max: 2 * nowMs }), { nil: undefined }),
    }),
  );
  fc.assert(
    fc.property(resources, known, (given, machines) => {
      const listing = {
        ...{ driver: 'd', placeKey: place },
        resources: given.map((each) => resource(each.kind, each.machineId, each.createdMs)),
      };
      const kept = machines.filter(({ expiresMs }) => expiresMs === undefined || expiresMs > nowMs);
      const unique = [...new Map(machines.map((each) => [each.machineId, each])).values()];
      const garbage = judge(
        listing,
        unique.map((each) => ({ ...each, name: 'm' })),
        terms,
      );
      const keptIds = new Set<string | undefined>(
        unique.filter((each) => kept.includes(each)).map((each) => each.machineId),
      );
      return garbage.every((each) => each.machineId === undefined || !keptIds.has(each.machineId));
    }),
    { seed: 20261126 },
  );
  t.pass();
});
