import { machineTags, parseTagList, sharedTags, type Ownership } from '../../cloud/ownership.ts';
import type { QueryParameters } from './api/query.ts';

/** Tags as EC2 takes them in a call that makes something. Pure. */

type ResourceType =
  | 'image'
  | 'snapshot'
  | 'instance'
  | 'volume'
  | 'network-interface'
  | 'spot-instances-request'
  | 'key-pair'
  | 'security-group';

/** `TagSpecification` with the same tags for each type. */
export function tagSpecifications(
  types: readonly ResourceType[],
  tags: Readonly<Record<string, string>>,
): QueryParameters[] {
  return types.map((type) => ({
    ResourceType: type,
    Tag: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
  }));
}

/** Tags of what belongs to one machine: the user's, the name under which consoles show it, and ours, which win. */
export function tagsOfMachine(
  own: Ownership,
  { name, userTags, nowMs }: { readonly name: string; readonly userTags: string; readonly nowMs: number },
): Readonly<Record<string, string>> {
  return { Name: name, ...parseTagList(userTags).tags, ...machineTags(own, name, nowMs) };
}

/** Tags of a group that machines of the store share. */
export function tagsOfGroup(storeId: string, nowMs: number): Readonly<Record<string, string>> {
  return sharedTags(storeId, nowMs);
}
