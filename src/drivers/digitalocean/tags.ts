import { ownerTags, type Ownership } from '../../cloud/ownership.ts';
import type { BakedImage, ImageOrder } from '../images.ts';

/**
 * Tags as DigitalOcean has them: flat, and things of their own that stay when nothing has them any more. Keys and firewalls
 * carry none, and snapshots none from the beginning, so whose they are stands in their names. Pure.
 */

const tagForm = /^[A-Za-z0-9_:-]{1,255}$/;
const uuidText = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const ownedName = new RegExp(`^tsmachine-(.+)-(${uuidText})-(${uuidText})$`);

const finishedForm = /^(\S+) Docker (\S+) on (.+)$/;
const unknownText = 'unknown';
const engineLengthMax = 40;
const systemLengthMax = 60;

/** True for a tag that DigitalOcean takes. */
export function isTag(text: string): boolean {
  return tagForm.test(text);
}

/** The user's tags: `a, b`; what is empty is left out. */
export function splitTags(text: string): readonly string[] {
  return text
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
}

/** The tag that one machine has and no other. */
export function machineTag(machineId: string): string {
  return `${ownerTags.machine}:${machineId}`;
}

/** The tag of everything of a store. */
export function storeTag(storeId: string): string {
  return `${ownerTags.owner}:${storeId}`;
}

/** Tags that nothing but this machine has, so that they go with it. */
export function ownTags({ machineId, expiresMs }: Omit<Ownership, 'storeId'>): readonly string[] {
  const at = expiresMs === undefined ? '' : new Date(expiresMs).toISOString().replace(/\.\d+Z$/, 'Z');
  return [machineTag(machineId), ...(at === '' ? [] : [`${ownerTags.expires}:${at}:${machineId}`])];
}

/** True for a tag of `ownTags`. */
export function isOwnTag(tag: string, machineId: string): boolean {
  return (
    tag === machineTag(machineId) ||
    (tag.startsWith(`${ownerTags.expires}:`) && tag.endsWith(`:${machineId}`))
  );
}

/** Tags of the droplet. Its name and when it was made are fields of its own, so no tag tells them. */
export function dropletTags(own: Ownership, userTags: string): readonly string[] {
  const all = [...splitTags(userTags), `${ownerTags.mark}:1`, storeTag(own.storeId), ...ownTags(own)];
  return [...new Set(all)];
}

/** What the tags of a droplet say. */
export function readDropletTags(tags: readonly string[]): {
  readonly machineId?: string;
  readonly expiresMs?: number;
} {
  const valueOf = (name: string): string | undefined =>
    tags.find((tag) => tag.startsWith(`${name}:`))?.slice(name.length + 1);
  const machineId = valueOf(ownerTags.machine);
  const expires = /^(.*Z)(?::|$)/.exec(valueOf(ownerTags.expires) ?? '')?.[1];
  const expiresMs = expires === undefined ? Number.NaN : Date.parse(expires);
  return {
    ...(machineId === undefined ? {} : { machineId }),
    ...(Number.isNaN(expiresMs) ? {} : { expiresMs }),
  };
}

/** Name of a key or firewall: with both UUIDs whole, as whoever cleans up must not mistake one machine for another. */
export function ownName({ machineId, storeId }: Ownership, machineName: string): string {
  return `tsmachine-${machineName}-${machineId}-${storeId}`;
}

/** Whose the name says it is; undefined for one of somebody else. */
export function readOwnName(
  name: string,
): { readonly machineName: string; readonly machineId: string; readonly storeId: string } | undefined {
  const [, machineName, machineId, storeId] = ownedName.exec(name) ?? [];
  return machineName === undefined || machineId === undefined || storeId === undefined
    ? undefined
    : { machineName, machineId, storeId };
}

/**
 * Name of an image that can be used: that of one that is being made, which is `ownName`, and what is in it behind that. So an
 * image is given its name and is finished in one moment.
 */
export function finishedImageName(own: Ownership, { name, system, engineVersion }: ImageOrder): string {
  const engine = imageWords(engineVersion.replaceAll(/\s/g, '-'), engineLengthMax);
  return `${ownName(own, name)} Docker ${engine} on ${imageWords(system, systemLengthMax)}`;
}

/** What the name of an image says. */
export interface ImageName {
  readonly storeId: string;
  readonly said: Pick<BakedImage, 'name' | 'isFinished' | 'machineId' | 'system' | 'engineVersion'>;
}

/** Reads it; undefined for one of somebody else. */
export function readImageName(text: string): ImageName | undefined {
  const [, finished, engineVersion, system] = finishedForm.exec(text) ?? [];
  const owner = readOwnName(finished ?? text);
  if (owner === undefined) {
    return undefined;
  }
  const { machineName: name, machineId, storeId } = owner;
  const said = {
    ...{ name, machineId, isFinished: finished !== undefined },
    ...(system === undefined || system === unknownText ? {} : { system }),
    ...(engineVersion === undefined || engineVersion === unknownText ? {} : { engineVersion }),
  };
  return { storeId, said };
}

/** As much of a text as names of DigitalOcean's own images have of characters. */
function imageWords(text: string, lengthMax: number): string {
  const words = text
    .replaceAll(/[^A-Za-z0-9 ._()+-]/g, '-')
    .slice(0, lengthMax)
    .trim();
  return words === '' ? unknownText : words;
}
