import type { OwnedKind, OwnedResource } from '../../drivers/owned.ts';

/** What of that which carries the mark of the store nobody needs any more. Pure. */

/** A machine of the store. */
export interface KnownMachine {
  readonly name: string;
  readonly machineId?: string | undefined;
  /** See placeKey; undefined when nobody knows where it is, as its record cannot be used. */
  readonly placeKey?: string | undefined;
  readonly expiresMs?: number | undefined;
}

/** Why something is removed. */
export type Reason =
  /** It was made for a machine of which there is no record. */
  | 'orphan'
  /** Machines share it, and there is none any more that could use it. */
  | 'unused'
  /** The time of its machine is over. */
  | 'expired';

/** Something that is to be removed. */
export interface Garbage {
  readonly driver: string;
  /** `machine` is a record with all that belongs to it. */
  readonly kind: OwnedKind | 'machine';
  readonly id: string;
  readonly name: string;
  readonly place: string;
  readonly reason: Reason;
  readonly machineId?: string | undefined;
  readonly createdMs?: number | undefined;
  readonly expiresMs?: number | undefined;
}

/** What a place has. */
export interface Listing {
  readonly driver: string;
  readonly placeKey: string;
  readonly resources: readonly OwnedResource[];
}

/** What holds for all. */
export interface Terms {
  readonly nowMs: number;
  /** What is younger stays, and so does what does not say how old it is. */
  readonly olderThanMs?: number | undefined;
}

/** True when nobody wants the machine any more. */
export function isExpired({ expiresMs }: Pick<KnownMachine, 'expiresMs'>, nowMs: number): boolean {
  return expiresMs !== undefined && expiresMs <= nowMs;
}

/**
 * Judges what is in one place. On doubt everything is kept: what machines share stays as long as there may be one of the
 * store in the place.
 * @param known read after the place was listed, so that no machine is missing that had something there by then
 */
export function judge(listing: Listing, known: readonly KnownMachine[], terms: Terms): readonly Garbage[] {
  const { nowMs } = terms;
  const byId = new Map(known.map((machine) => [machine.machineId, machine]));
  const isUser = (machine: KnownMachine): boolean =>
    !isExpired(machine, nowMs) && (machine.placeKey === undefined || machine.placeKey === listing.placeKey);
  let isUsed = known.some(isUser);
  const garbage: Garbage[] = [];
  const add = (resource: OwnedResource, reason: Reason): void => {
    garbage.push({ driver: listing.driver, ...resource, reason });
  };
  for (const resource of listing.resources.filter(({ machineId }) => machineId !== undefined)) {
    const machine = byId.get(resource.machineId);
    if (machine !== undefined && isExpired(machine, nowMs)) {
      add(resource, 'expired');
    } else if (machine === undefined && isOldEnough(resource, terms)) {
      add(resource, 'orphan');
    } else {
      isUsed = true;
    }
  }
  if (!isUsed) {
    for (const resource of listing.resources) {
      if (resource.machineId === undefined && isOldEnough(resource, terms)) {
        add(resource, 'unused');
      }
    }
  }
  return garbage;
}

function isOldEnough({ createdMs }: OwnedResource, { nowMs, olderThanMs }: Terms): boolean {
  return olderThanMs === undefined || (createdMs !== undefined && nowMs - createdMs >= olderThanMs);
}
