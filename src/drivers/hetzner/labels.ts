import {
  expiryText,
  imageTags,
  machineTags,
  ownerTags,
  readImageTags,
  readTags,
  sharedTags,
  type Ownership,
} from '../../cloud/ownership.ts';
import type { ImageOrder } from '../images.ts';

/** Labels of Hetzner: what they may be, and how ours are written in them. Pure. */

export type Labels = Readonly<Record<string, string>>;

const valueForm = /^(?:|[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9._-]{0,61}[A-Za-z0-9])$/;
const partForm = '[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?';
const keyForm = new RegExp(`^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?/)?${partForm}$`);
const valueMaxLength = 63;
const times: readonly string[] = [ownerTags.created, ownerTags.expires, ownerTags.baked];

/** True for `KEY=VALUE` that Hetzner takes as a label. */
export function isLabel(text: string): boolean {
  const [key, value] = splitLabel(text);
  return keyForm.test(key) && value !== undefined && valueForm.test(value);
}

/** `KEY=VALUE` as a pair; no value where there is no sign between them. */
function splitLabel(text: string): readonly [key: string, value: string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** Labels as an object; of two with one key the last. */
export function parseLabels(list: readonly string[]): Labels {
  return Object.fromEntries(list.map((text) => [splitLabel(text)[0], splitLabel(text)[1] ?? '']));
}

/** Labels of what belongs to one machine: the user's, and ours, which win. */
export function labelsOfMachine(own: Ownership, name: string, nowMs: number, userLabels: Labels): Labels {
  return { ...userLabels, ...written(machineTags(own, name, nowMs)) };
}

/** Labels of what machines of the store share. */
export function labelsOfStore(storeId: string, nowMs: number): Labels {
  return written(sharedTags(storeId, nowMs));
}

/** The end of a machine's time as its label has it. */
export function expiryLabel(expiresMs: number): string {
  return written({ at: expiryText(expiresMs) })['at'] ?? '';
}

/** What labels say of a thing that carries our mark. */
export function readLabels(labels: Labels): ReturnType<typeof readTags> {
  return readTags(plain(labels));
}

/** Labels of an image. What is in it is told without the characters that no label may have. */
export function labelsOfImage(own: Ownership, order: ImageOrder, nowMs: number): Labels {
  const plainText = (text: string): string => text.replace(/[^A-Za-z0-9._-]+/g, '_');
  const { name, system, engineVersion } = order;
  const told = { name, system: plainText(system), engineVersion: plainText(engineVersion) };
  return written(imageTags(own, told, nowMs));
}

/** The label of an image that is finished. */
export function finishedLabel(nowMs: number): Labels {
  return written({ [ownerTags.baked]: new Date(nowMs).toISOString() });
}

/** What labels say of an image that carries our mark. */
export function readImageLabels(labels: Labels): ReturnType<typeof readImageTags> {
  const tags = plain(labels);
  const system = tags[ownerTags.system]?.replaceAll('_', ' ');
  return readImageTags({ ...tags, ...(system === undefined ? {} : { [ownerTags.system]: system }) });
}

function plain(labels: Labels): Labels {
  return Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [
      key,
      times.includes(key) ? value.replaceAll('_', ':') : value,
    ]),
  );
}

/** A condition of `label_selector`. */
export function selector(key: string, value: string): string {
  return `${key}=${value}`;
}

/** Tags as labels. There are no colons in these, and names of machines may be longer. */
function written(tags: Labels): Labels {
  return Object.fromEntries(
    Object.entries(tags).map(([key, value]) => [
      key,
      value
        .replaceAll(':', '_')
        .slice(0, valueMaxLength)
        .replace(/^[^A-Za-z0-9]+/, '')
        .replace(/[^A-Za-z0-9]+$/, ''),
    ]),
  );
}
