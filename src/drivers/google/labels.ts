import {
  expiryText,
  imageTags,
  machineTags,
  ownerTags,
  parseTagList,
  readImageTags,
  type Ownership,
} from '../../cloud/ownership.ts';
import type { ImageOrder } from '../images.ts';

/** Marks of ownership as Google takes them: labels, or where there are none, a description. Pure. */

const labelKey = /^[a-z][a-z0-9_-]{0,62}$/;
const labelValue = /^[a-z0-9_-]{0,63}$/;

/** Label of an instance: the network tag by which firewall rules of its store find it. */
export const firewallLabel = 'tsmachine-firewall';

/** Label of an image that was baked of one that may have no cloud-init. */
const cloudInitLabel = 'tsmachine-cloud-init';
const noCloudInit = 'none';
/** What is in an image is told in its description: labels have no capitals and no points. */
const told: readonly string[] = [ownerTags.system, ownerTags.engine];

/** What is wrong with the labels of a flag, as a sentence; undefined when nothing is. */
export function labelProblem(text: string): string | undefined {
  const wrong = Object.entries(parseTagList(text).tags).find(
    ([key, value]) => !labelKey.test(key) || !labelValue.test(value),
  );
  return wrong === undefined
    ? undefined
    : `Google does not take the label ${wrong.join('=')}: lower-case letters, digits, _ and -, at most 63, beginning with a letter.`;
}

/** Labels of what belongs to one machine: the user's, and ours, which win. */
export function labelsOfMachine(
  own: Ownership,
  {
    name,
    userLabels,
    nowMs,
    firewallTag,
  }: {
    readonly name: string;
    readonly userLabels: string;
    readonly nowMs: number;
    readonly firewallTag: string;
  },
): Readonly<Record<string, string>> {
  const tags = Object.entries(machineTags(own, name, nowMs));
  return {
    ...parseTagList(userLabels).tags,
    ...Object.fromEntries(tags.map(([key, value]) => [key, key === ownerTags.name ? value : encode(value)])),
    ...(firewallTag === '' ? {} : { [firewallLabel]: firewallTag }),
  };
}

/** How an image is marked. */
export function marksOfImage(
  own: Ownership,
  order: ImageOrder,
  { nowMs, lacksCloudInit }: { readonly nowMs: number; readonly lacksCloudInit: boolean },
): { readonly labels: Readonly<Record<string, string>>; readonly description: string } {
  const tags = Object.entries(imageTags(own, order, nowMs));
  const words = tags.filter(([key]) => told.includes(key));
  const labels = tags.filter(([key]) => !told.includes(key)).map(([key, value]) => [key, encode(value)]);
  return {
    description: describeTags(
      Object.fromEntries(words.map(([key, value]) => [key, value.replaceAll(/\s/g, '_')])),
    ),
    labels: {
      ...(Object.fromEntries(labels) as Readonly<Record<string, string>>),
      ...(lacksCloudInit ? { [cloudInitLabel]: noCloudInit } : {}),
    },
  };
}

/** The label of an image that is finished. */
export function finishedLabel(nowMs: number): Readonly<Record<string, string>> {
  return { [ownerTags.baked]: encode(new Date(nowMs).toISOString()) };
}

/** What the marks of an image say. */
export function readImageMarks(
  labels: Readonly<Record<string, string>>,
  description: string,
): ReturnType<typeof readImageTags> {
  const words = Object.entries(tagsOfDescription(description))
    .filter(([key]) => told.includes(key))
    .map(([key, value]): readonly [string, string] => [key, value.replaceAll('_', ' ')]);
  return readImageTags({ ...Object.fromEntries(words), ...tagsOfLabels(labels) });
}

/** True for an image that was baked of one that may have no cloud-init. */
export function hasNoCloudInit(labels: Readonly<Record<string, string>>): boolean {
  return labels[cloudInitLabel] === noCloudInit;
}

/** The end of a machine's time as its label has it. */
export function expiryLabel(expiresMs: number): string {
  return encode(expiryText(expiresMs));
}

/** Times lose their separators: `2026-01-31T23:59:59.123Z` is `20260131t235959z`. */
function encode(value: string): string {
  return /^\d{4}-\d\d-\d\dT/.test(value)
    ? value.replace(/\.\d+/, '').replaceAll(/[-:]/g, '').toLowerCase()
    : value;
}

/** Labels as tags of all clouds, for `readTags`. */
export function tagsOfLabels(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const time = /^(\d{4})(\d\d)(\d\d)t(\d\d)(\d\d)(\d\d)z$/;
  return Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [key, value.replace(time, '$1-$2-$3T$4:$5:$6Z')]),
  );
}

/** The description of a firewall rule: tags as `key=value` words. */
export function describeTags(tags: Readonly<Record<string, string>>): string {
  return Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}

/** Tags that a description has. */
export function tagsOfDescription(description: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    description.split(' ').flatMap((each): readonly (readonly [string, string])[] => {
      const at = each.indexOf('=');
      return at > 0 ? [[each.slice(0, at), each.slice(at + 1)]] : [];
    }),
  );
}
