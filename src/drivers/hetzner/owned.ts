import { ownerTags } from '../../cloud/ownership.ts';
import { unfinishedImages } from '../images.ts';
import type { OwnedKind, OwnedResource } from '../owned.ts';
import { firewallOf, placementGroupOf, serverOf, sshKeyOf, type Named } from './api/answers.ts';
import { openHetzner } from './api/hetzner.ts';
import { deleteFirewall } from './firewall.ts';
import { deleteImage, listImages } from './images.ts';
import { listLabelled } from './labelled.ts';
import { readLabels, type Labels } from './labels.ts';
import { deletePlacementGroup } from './placement-group.ts';
import { deleteServer } from './remove.ts';
import { deleteKey } from './ssh-keys.ts';
import { accessOf, type HetznerCheck } from './world.ts';

/** What carries the label of a store, whatever the records say. */

type Reader = (
  value: unknown,
) => (Named & { readonly labels: Labels; readonly location?: string }) | undefined;

/** Volumes, networks and addresses are never made here. */
const kinds: readonly (readonly [kind: OwnedKind, path: string, read: Reader])[] = [
  ['instance', '/servers', serverOf],
  ['firewall', '/firewalls', firewallOf],
  ['placement-group', '/placement_groups', placementGroupOf],
  ['key', '/ssh_keys', sshKeyOf],
];

/** Everything of a store in the project of the token. */
export async function listOwned(context: HetznerCheck, storeId: string): Promise<readonly OwnedResource[]> {
  const hetzner = openHetzner(accessOf(context));
  const all: OwnedResource[] = [];
  for (const [kind, path, read] of kinds) {
    for (const { id, name, labels, location = '' } of await listLabelled(hetzner, path, {
      key: ownerTags.owner,
      value: storeId,
      read,
    })) {
      all.push({ kind, id: String(id), name, place: location, ...readLabels(labels) });
    }
  }
  return [...all, ...unfinishedImages(await listImages(hetzner, storeId))];
}

/** Removes one of them, and returns when it is gone. What is gone already, or in use, is success. */
export async function removeOwned(context: HetznerCheck, { kind, id }: OwnedResource): Promise<void> {
  const { exclusively } = context;
  const hetzner = openHetzner(accessOf(context));
  const number = Number(id);
  // Not between the look of a create for what is shared and its use of it.
  const alone = async (remove: () => Promise<unknown>): Promise<unknown> =>
    exclusively === undefined ? remove() : exclusively(kind, remove);
  if (kind === 'instance') {
    await deleteServer(context, hetzner, number);
  } else if (kind === 'image') {
    await deleteImage(hetzner, number);
  } else if (kind === 'firewall') {
    await alone(async () => deleteFirewall(hetzner, number));
  } else if (kind === 'placement-group') {
    await alone(async () => deletePlacementGroup(hetzner, number));
  } else if (kind === 'key') {
    await deleteKey(hetzner, number);
  }
}
