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

/** A machine that was found at its provider by its mark alone: what its record is made of again, for `adopt`. */
export interface FoundMachine {
  /** Keys of the driver's own part of config.json, over those that `configure` makes of flags. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The same for ProviderMaterial.state. */
  readonly state: Readonly<Record<string, unknown>>;
  /** The user that SSH lets in, where the provider tells. */
  readonly sshUser?: string;
  /** Public SSH host keys of the machine as the provider tells them, for example from its console. */
  readonly hostKeys?: readonly string[];
  /** The driver finds the machine by the name that it has there: it can have no other here. */
  readonly hasFixedName?: true;
  /** How somebody whose SSH key is gone gets in with what the provider offers, as a sentence. */
  readonly otherWay: string;
}

/** Something that belongs to a machine. */
export type MachineResource = OwnedResource & { readonly machineId: string };
