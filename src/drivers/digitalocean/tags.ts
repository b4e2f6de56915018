import { ownerTags, type Ownership } from '../../cloud/ownership.ts';

/**
 * Tags as DigitalOcean has them: flat, and things of their own that stay when nothing has them any more. Keys and firewalls
 * carry none, so whose they are stands in their names. Pure.
 */

const tagForm = /^[A-Za-z0-9_:-]{1,255}$/;
const uuidText = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const ownedName = new RegExp(`^tsmachine-(.+)-(${uuidText})-(${uuidText})$`);

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
