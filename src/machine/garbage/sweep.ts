import { settleInParallel } from '../../core/in-parallel.ts';
import { MachineError } from '../../core/errors.ts';
import { ownedKinds } from '../../drivers/owned.ts';
import { placeKey } from '../../store/places.ts';
import { loadSidecar } from '../../store/sidecar.ts';
import { withOwnedLock } from '../locks.ts';
import { isUuid, readStoreId } from '../provider-material.ts';
import { readMachine } from '../open.ts';
import type { Session } from '../session.ts';
import { isExpired, judge, type Garbage, type KnownMachine, type Terms } from './judge.ts';
import { knownMachines } from './known.ts';
import { lookouts, type Lookout, type Problem, type Wanted } from './places.ts';

/** Finding and removing what the store has at providers and nobody needs any more. */

const atOnceMax = 8;

/** What was found, in the order in which it is removed. */
export interface Findings {
  readonly garbage: readonly FoundGarbage[];
  /** Places of which nothing is known. */
  readonly problems: readonly Problem[];
}

/** With the way to get rid of it. */
export interface FoundGarbage extends Garbage {
  /** Undefined for a machine, and for what goes with it. */
  readonly lookout?: Lookout | undefined;
}

/**
 * Looks into every place. Nothing is changed.
 * @throws MachineError `record-invalid` when what belongs to a machine cannot be told.
 */
export async function findGarbage(
  session: Session,
  wanted: Wanted & Pick<Terms, 'olderThanMs'>,
): Promise<Findings> {
  const storeId = await readStoreId(session);
  const { found, problems } = await lookouts(session, wanted);
  // A store without an id has never made anything.
  const listed = await settleInParallel(storeId === undefined ? [] : found, atOnceMax, async (lookout) => ({
    lookout,
    resources: (await lookout.driver.listOwned?.(lookout.context, storeId ?? '')) ?? [],
  }));
  session.signal.throwIfAborted();
  // Only now: whatever was there belongs to a machine that has been in the store since before it was made.
  const known = await knownMachines(session);
  const terms: Terms = { nowMs: session.host.clock.nowMs(), olderThanMs: wanted.olderThanMs };
  const garbage = new Map<string, FoundGarbage>();
  const failed = listed.flatMap((each, index) =>
    each.status === 'rejected'
      ? [{ place: found[index]?.place ?? { driver: '', flags: {} }, error: each.reason as unknown }]
      : [],
  );
  for (const { lookout, resources } of listed.flatMap((each) =>
    each.status === 'fulfilled' ? [each.value] : [],
  )) {
    const key = placeKey(lookout.place);
    const listing = { driver: lookout.place.driver, placeKey: key, resources };
    for (const each of judge(listing, known, terms)) {
      const isRemovedWithMachine = each.reason === 'expired';
      garbage.set(
        JSON.stringify([key, each.kind, each.id]),
        isRemovedWithMachine ? each : { ...each, lookout },
      );
    }
  }
  const machines = await expiredMachines(session, { known, wanted, nowMs: terms.nowMs });
  return {
    garbage: [...machines, ...[...garbage.values()].sort((a, b) => rankOf(a) - rankOf(b))],
    problems: [...problems, ...failed],
  };
}

function rankOf({ kind }: Garbage): number {
  return kind === 'machine' ? -1 : ownedKinds.indexOf(kind);
}

async function expiredMachines(
  session: Session,
  {
    known,
    wanted,
    nowMs,
  }: { readonly known: readonly KnownMachine[]; readonly wanted: Wanted; readonly nowMs: number },
): Promise<readonly FoundGarbage[]> {
  const expired = known.filter((machine) => isExpired(machine, nowMs));
  const all = await Promise.all(
    expired.map(async ({ name, machineId = '', expiresMs }): Promise<FoundGarbage> => {
      const driver = await readMachine(session, name).then(
        ({ DriverName }) => DriverName,
        () => '',
      );
      const place = session.storePath;
      return { driver, kind: 'machine', id: machineId, name, place, reason: 'expired', machineId, expiresMs };
    }),
  );
  return all.filter(({ driver }) => wanted.driverName === undefined || driver === wanted.driverName);
}

/** How a machine of the store is removed, with its record. */
export type RemoveRecorded = (name: string) => Promise<void>;

/** What became of one thing. */
export interface Removal {
  readonly garbage: Garbage;
  readonly removed: boolean;
  /** Why not; undefined also for what was to go with a machine that stays. */
  readonly error?: unknown;
}

/**
 * Removes what was found, kind after kind: what holds another comes first. All of it, whatever becomes of the rest.
 * @param onRemoved told of each thing that is gone
 */
export async function removeGarbage(
  session: Session,
  found: readonly FoundGarbage[],
  {
    removeRecorded,
    onRemoved,
  }: { readonly removeRecorded: RemoveRecorded; readonly onRemoved: (garbage: Garbage) => void },
): Promise<readonly Removal[]> {
  const removals = new Map<FoundGarbage, Removal>();
  for (const kind of ['machine', ...ownedKinds] as const) {
    const ofKind = found.filter((each) => each.kind === kind && each.reason !== 'expired');
    const machines = kind === 'machine' ? found.filter((each) => each.kind === 'machine') : [];
    await settleInParallel([...machines, ...ofKind], atOnceMax, async (garbage) => {
      try {
        session.signal.throwIfAborted();
        await removeOne(session, garbage, removeRecorded);
        removals.set(garbage, { garbage, removed: true });
        onRemoved(garbage);
      } catch (error) {
        removals.set(garbage, { garbage, removed: false, error });
      }
    });
  }
  session.signal.throwIfAborted();
  return found.map((garbage) => removals.get(garbage) ?? { garbage, removed: isGone(garbage, removals) });
}

/** True when the machine to which it belongs was removed, and it with it. */
function isGone(garbage: Garbage, removals: ReadonlyMap<Garbage, Removal>): boolean {
  return [...removals.values()].some(
    (each) => each.garbage.kind === 'machine' && each.garbage.machineId === garbage.machineId && each.removed,
  );
}

async function removeOne(
  session: Session,
  { kind, lookout, ...garbage }: FoundGarbage,
  removeRecorded: RemoveRecorded,
): Promise<void> {
  if (kind === 'machine') {
    await requireStillExpired(session, garbage.name);
    await removeRecorded(garbage.name);
    return;
  }
  const { id, name, place, machineId } = garbage;
  const remove = async (): Promise<void> =>
    lookout?.driver.removeOwned?.(lookout.context, {
      ...{ kind, id, name, place },
      ...(machineId === undefined ? {} : { machineId }),
    });
  if (machineId === undefined || !isUuid(machineId)) {
    await remove();
    return;
  }
  await withOwnedLock(session, machineId, 'gc', async () => {
    await requireStillLost(session, machineId);
    await remove();
  });
}

/** Somebody may have taken it back into the store while the question was on the screen. */
async function requireStillLost(session: Session, machineId: string): Promise<void> {
  const machine = (await knownMachines(session)).find((each) => each.machineId === machineId);
  if (machine !== undefined) {
    throw new MachineError('machine-state', `It belongs to the machine "${machine.name}" by now, and stays.`);
  }
}

/** Somebody may have given it more time while the question was on the screen. */
async function requireStillExpired({ host, storePath }: Session, name: string): Promise<void> {
  const expires = (await loadSidecar(host, storePath, name))?.expires;
  const expiresMs = expires === undefined ? undefined : Date.parse(expires);
  if (!isExpired({ expiresMs }, host.clock.nowMs())) {
    throw new MachineError('machine-state', `The machine "${name}" was given more time, and stays.`);
  }
}
