/** Whose something at a cloud is. Written in the call that makes it, wherever that is possible, and never after it. */

/** The two names that tell: of the machine, and of the store that it is in. Both are UUIDs. */
export interface Ownership {
  readonly machineId: string;
  readonly storeId: string;
  /** From then on nobody wants the machine any more, in milliseconds since the epoch. */
  readonly expiresMs?: number;
}

/** Names of the tags, the same at every cloud; one that has narrower rules writes them in its own way. */
export const ownerTags = {
  mark: 'tsmachine',
  name: 'tsmachine-name',
  machine: 'tsmachine-id',
  created: 'tsmachine-created',
  owner: 'tsmachine-owner',
  expires: 'tsmachine-expires',
  image: 'tsmachine-image',
  system: 'tsmachine-system',
  engine: 'tsmachine-engine',
  baked: 'tsmachine-baked',
} as const;

/** Tags of something that belongs to one machine. `nowMs` since the epoch. */
export function machineTags(
  { machineId, storeId, expiresMs }: Ownership,
  name: string,
  nowMs: number,
): Readonly<Record<string, string>> {
  return {
    ...sharedTags(storeId, nowMs),
    [ownerTags.name]: name,
    [ownerTags.machine]: machineId,
    ...(expiresMs === undefined ? {} : { [ownerTags.expires]: expiryText(expiresMs) }),
  };
}

/** The end of a machine's time as its tag has it. */
export function expiryText(expiresMs: number): string {
  return new Date(expiresMs).toISOString();
}

/** Tags of something that several machines of a store use. */
export function sharedTags(storeId: string, nowMs: number): Readonly<Record<string, string>> {
  return {
    [ownerTags.mark]: '1',
    [ownerTags.owner]: storeId,
    [ownerTags.created]: new Date(nowMs).toISOString(),
  };
}

/**
 * Tags of an image that is made of a machine. It is finished when it has `ownerTags.baked`, a moment, besides.
 * @param what see ImageOrder
 */
export function imageTags(
  { machineId, storeId }: Ownership,
  what: { readonly name: string; readonly system: string; readonly engineVersion: string },
  nowMs: number,
): Readonly<Record<string, string>> {
  return {
    ...sharedTags(storeId, nowMs),
    [ownerTags.machine]: machineId,
    [ownerTags.image]: what.name,
    [ownerTags.system]: what.system,
    [ownerTags.engine]: what.engineVersion,
  };
}

/** What tags say of such an image, for `BakedImage`. */
export function readImageTags(tags: Readonly<Record<string, string>>): {
  readonly name: string;
  readonly isFinished: boolean;
  readonly machineId?: string;
  readonly system?: string;
  readonly engineVersion?: string;
  readonly createdMs?: number;
} {
  const { machineId, createdMs } = readTags(tags);
  const [system, engineVersion] = [tags[ownerTags.system], tags[ownerTags.engine]];
  return {
    name: tags[ownerTags.image] ?? '',
    isFinished: (tags[ownerTags.baked] ?? '') !== '',
    ...(machineId === undefined ? {} : { machineId }),
    ...(createdMs === undefined ? {} : { createdMs }),
    ...(system === undefined ? {} : { system }),
    ...(engineVersion === undefined ? {} : { engineVersion }),
  };
}

/** What tags say of a thing that carries our mark, for `OwnedResource`. Times that cannot be read are left out. */
export function readTags(tags: Readonly<Record<string, string>>): {
  readonly machineId?: string;
  readonly createdMs?: number;
  readonly expiresMs?: number;
} {
  const machineId = tags[ownerTags.machine];
  const timeOf = (text: string | undefined): number | undefined => {
    const ms = text === undefined ? Number.NaN : Date.parse(text);
    return Number.isNaN(ms) ? undefined : ms;
  };
  const [createdMs, expiresMs] = [timeOf(tags[ownerTags.created]), timeOf(tags[ownerTags.expires])];
  return {
    ...(machineId === undefined ? {} : { machineId }),
    ...(createdMs === undefined ? {} : { createdMs }),
    ...(expiresMs === undefined ? {} : { expiresMs }),
  };
}

/**
 * `k1,v1,k2,v2` as docker-machine takes it. An odd last element is dropped and told.
 * @returns pairs in order; a key that comes twice has its last value.
 */
export function parseTagList(text: string): {
  readonly tags: Readonly<Record<string, string>>;
  readonly dropped?: string;
} {
  const parts = text === '' ? [] : text.split(',').map((part) => part.trim());
  const pairs = parts.flatMap((key, index) => (index % 2 === 0 ? [[key, parts[index + 1]] as const] : []));
  const whole = pairs.filter(
    (pair): pair is readonly [string, string] => pair[1] !== undefined && pair[0] !== '',
  );
  const dropped = pairs.find(([, value]) => value === undefined)?.[0];
  return { tags: Object.fromEntries(whole), ...(dropped === undefined ? {} : { dropped }) };
}
