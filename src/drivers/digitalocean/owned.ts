import { textField } from '../../cloud/json-fields.ts';
import { unfinishedImages } from '../images.ts';
import type { OwnedResource } from '../owned.ts';
import { sshKeyOf } from './answers.ts';
import { openDigitalOcean } from './api.ts';
import { findByTag } from './find-droplet.ts';
import { deleteFirewall, deleteTag, listFirewalls } from './firewall.ts';
import { deleteImage, listImages } from './images.ts';
import { deleteKey } from './key.ts';
import { deleteDroplet } from './remove.ts';
import { isOwnTag, machineTag, readDropletTags, readOwnName, storeTag } from './tags.ts';
import { accessOfCheck, type DropletCheck } from './world.ts';

/** What is at DigitalOcean that belongs to a store, whatever its records say. */

export async function listOwned(context: DropletCheck, storeId: string): Promise<readonly OwnedResource[]> {
  const api = openDigitalOcean(accessOfCheck(context));
  const droplets = await findByTag(api, storeTag(storeId));
  const firewalls = await listFirewalls(api);
  const keys = await api.list('/account/keys', { key: 'ssh_keys', read: sshKeyOf });
  return [
    ...droplets.map(({ id, name, region, tags, createdMs }): OwnedResource => ({
      kind: 'instance',
      id: String(id),
      name,
      place: region,
      ...readDropletTags(tags),
      ...(createdMs === undefined ? {} : { createdMs }),
    })),
    ...firewalls.flatMap((firewall) => named('firewall', firewall, storeId)),
    ...keys.flatMap((key) => named('key', key, storeId)),
    ...unfinishedImages(await listImages(api, storeId)),
  ];
}

function named(
  kind: 'firewall' | 'key',
  thing: { readonly id: number | string; readonly name: string; readonly createdMs?: number },
  storeId: string,
): readonly OwnedResource[] {
  const { id, name, createdMs } = thing;
  const owner = readOwnName(name);
  return owner?.storeId !== storeId
    ? []
    : [
        {
          kind,
          id: String(id),
          name,
          place: '',
          machineId: owner.machineId,
          ...(createdMs === undefined ? {} : { createdMs }),
        },
      ];
}

/** Removes one of them, and the tags of its machine when no droplet has them any more. */
export async function removeOwned(context: DropletCheck, resource: OwnedResource): Promise<void> {
  const api = openDigitalOcean(accessOfCheck(context));
  const { kind, id, machineId } = resource;
  const { host, signal } = context;
  if (kind === 'instance' && /^[1-9]\d*$/.test(id)) {
    await deleteDroplet(api, Number(id), { clock: host.clock, signal });
  } else if (kind === 'image') {
    await deleteImage(api, id);
  } else if (kind === 'firewall') {
    await deleteFirewall(api, id);
  } else if (kind === 'key') {
    await deleteKey(api, id);
  }
  if (machineId === undefined || (await findByTag(api, machineTag(machineId))).length > 0) {
    return;
  }
  // Until when the machine was wanted, only a tag itself tells when the droplet is gone.
  const tags = await api.list('/tags', { key: 'tags', read: (value) => textField(value, 'name') });
  for (const tag of tags.filter((each) => isOwnTag(each, machineId))) {
    await deleteTag(api, tag);
  }
}
