import {
  imageTags,
  machineTags,
  ownerTags,
  parseTagList,
  readImageTags,
  sharedTags,
  type Ownership,
} from '../../cloud/ownership.ts';
import type { ImageOrder } from '../images.ts';

/**
 * How things say whose they are. Servers and volumes have metadata; what has none carries the same as text of its
 * description (255 characters); key pairs and snapshots have nothing but their names. Pure.
 */

/** As Nova takes metadata of servers. */
const metadataKey = /^[A-Za-z0-9_:. -]{1,255}$/;
const metadataMax = 255;
const uuidDigits = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/;

/** Metadata of what belongs to one machine: the user's, and ours, which win. */
export function metadataOf(
  own: Ownership,
  {
    name,
    userMetadata,
    nowMs,
  }: { readonly name: string; readonly userMetadata: string; readonly nowMs: number },
): Readonly<Record<string, string>> {
  return { ...parseTagList(userMetadata).tags, ...machineTags(own, name, nowMs) };
}

/** The first key of metadata that Nova does not take, or whose value is too long. */
export function refusedMetadata(userMetadata: string): string | undefined {
  const { tags } = parseTagList(userMetadata);
  return Object.entries(tags).find(
    ([key, value]) => !metadataKey.test(key) || value.length > metadataMax,
  )?.[0];
}

/** The mark of something that belongs to one machine, as a description. */
export function markOfMachine(own: Ownership, nowMs: number): string {
  const tags = Object.entries(machineTags(own, '', nowMs)).filter(([key]) => key !== ownerTags.name);
  return textOf(Object.fromEntries(tags));
}

/** The mark of something that machines of a store share. */
export function markOfStore(storeId: string, nowMs: number): string {
  return textOf(sharedTags(storeId, nowMs));
}

function textOf(tags: Readonly<Record<string, string>>): string {
  return Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}

/** Tags out of a description; none where it is of somebody else. */
export function readMark(description: string): Readonly<Record<string, string>> {
  const pairs = description.split(' ').map((word) => /^(tsmachine[a-z-]*)=(.*)$/.exec(word));
  const tags = Object.fromEntries(
    pairs.flatMap((pair) => (pair?.[1] === undefined || pair[2] === undefined ? [] : [[pair[1], pair[2]]])),
  );
  return tags[ownerTags.mark] === '1' ? tags : {};
}

/**
 * A name that tells whose something is that has nothing else, such as a key pair: the name and 64 hexadecimal digits, as
 * docker-machine's, but they are the ids of store and machine. Letters, digits, `-` and `_` is what every version of Nova takes.
 */
export function markedName(name: string, { storeId, machineId }: Ownership): string {
  const digits = `${storeId}${machineId}`.replaceAll('-', '');
  return `${name.replaceAll(/[^A-Za-z0-9_-]/g, '-')}-${digits}`;
}

/** The machine that something with such a name is for; undefined when it is none of the store. */
export function machineOfName(name: string, storeId: string): string | undefined {
  const [, store, machine] = /-([0-9a-f]{32})([0-9a-f]{32})$/.exec(name) ?? [];
  return store === storeId.replaceAll('-', '') ? machine?.replace(uuidDigits, '$1-$2-$3-$4-$5') : undefined;
}

/**
 * Properties of an image that is made. Nova hands those of the image that the server was made of on to the new one, so what
 * tells that it is finished must be taken from it.
 */
export function propertiesOfImage(
  own: Ownership,
  order: ImageOrder,
  nowMs: number,
): Readonly<Record<string, string>> {
  const all = { ...imageTags(own, order, nowMs), [ownerTags.baked]: '' };
  return Object.fromEntries(Object.entries(all).map(([key, value]) => [key, value.slice(0, metadataMax)]));
}

/** The value of `ownerTags.baked` for an image that is finished: with its id, so that no other image can inherit it. */
export function finishedMark(imageId: string, nowMs: number): string {
  return `${new Date(nowMs).toISOString()} ${imageId}`;
}

/** What properties say of an image; undefined for one whose marks are those of the image that its server was made of. */
export function readProperties(
  imageId: string,
  properties: Readonly<Record<string, string>>,
): ReturnType<typeof readImageTags> | undefined {
  const baked = properties[ownerTags.baked] ?? '';
  const isItsOwn = baked === '' || baked.endsWith(` ${imageId}`);
  return isItsOwn && properties[ownerTags.mark] === '1' ? readImageTags(properties) : undefined;
}

/** The name of the group that machines of a store share. Names of groups need not be unique: its mark tells. */
export function groupNameOf(storeId: string): string {
  return `tsmachine-${storeId.slice(0, 8)}`;
}
