/** What is at a provider that belongs to a store, for those who look for what was left behind. */

/** Kinds in the order in which they are removed: what holds another comes first. */
export const ownedKinds = [
  'spot-request',
  'instance',
  'image',
  'snapshot',
  'disk',
  'network-interface',
  'address',
  'firewall',
  'placement-group',
  'key',
  'network',
  'group',
] as const;

export type OwnedKind = (typeof ownedKinds)[number];

/** One thing that carries the mark of a store. */
export interface OwnedResource {
  readonly kind: OwnedKind;
  /** The provider's, unique within its kind and place. */
  readonly id: string;
  readonly name: string;
  /** Region or zone, for people; empty where there is none. */
  readonly place: string;
  /** UUID of the machine that it was made for; undefined for what machines share. */
  readonly machineId?: string;
  /** Milliseconds since the epoch. */
  readonly createdMs?: number;
  /** From then on nobody wants it any more, in milliseconds since the epoch (`create --ttl`). */
  readonly expiresMs?: number;
}
