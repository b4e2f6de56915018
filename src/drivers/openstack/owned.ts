import { textField } from '../../cloud/json-fields.ts';
import { ownerTags, readTags } from '../../cloud/ownership.ts';
import type { CheckContext } from '../driver.ts';
import type { OwnedKind, OwnedResource } from '../owned.ts';
import { openOpenStack, type OpenStack } from './api/openstack.ts';
import type { OpenStackConfig } from './config.ts';
import { listServers } from './find-server.ts';
import { deleteFloatingIp, listFloatingIps } from './floating-ip.ts';
import { deleteKeyPair } from './key-pair.ts';
import { machineOfKeyPair, readMark } from './marks.ts';
import { deleteServer } from './remove.ts';
import { deleteGroup, groupsOfStore } from './security-group.ts';
import { deleteVolume, listVolumes } from './volume.ts';
import { accessOfCheck } from './world.ts';

/** What carries the mark of a store, whatever its records say. */

type Thing = Pick<OwnedResource, 'kind' | 'id' | 'name'> & {
  readonly tags: Readonly<Record<string, string>>;
};

/** Everything of a store in the project and region. */
export async function listOwned(
  context: CheckContext<OpenStackConfig>,
  storeId: string,
): Promise<readonly OwnedResource[]> {
  const openstack = openOpenStack(accessOfCheck(context));
  const things = [
    ...(await serversOf(openstack)),
    ...(await volumesOf(openstack)),
    ...(await floatingIpsOf(openstack)),
    ...(await groupsOf(openstack, storeId)),
  ].filter(({ tags }) => tags[ownerTags.owner] === storeId);
  const place = context.config.region;
  return [
    ...things.map(({ tags, ...thing }) => ({ ...thing, place, ...readTags(tags) })),
    ...(await keyPairsOf(openstack, storeId)).map((pair) => ({ ...pair, place })),
  ];
}

async function serversOf(openstack: OpenStack): Promise<Thing[]> {
  const servers = await listServers(openstack);
  return servers.map(({ id, name, metadata }) => ({ kind: 'instance', id, name, tags: metadata }));
}

async function volumesOf(openstack: OpenStack): Promise<Thing[]> {
  const volumes = (await openstack.has('volume')) ? await listVolumes(openstack) : [];
  return volumes.map(({ id, name, metadata }) => ({ kind: 'disk', id, name, tags: metadata }));
}

async function floatingIpsOf(openstack: OpenStack): Promise<Thing[]> {
  const known = await listFloatingIps(openstack);
  return known.map(({ id, address, description }) => ({
    kind: 'address',
    id,
    name: address,
    tags: readMark(description),
  }));
}

async function groupsOf(openstack: OpenStack, storeId: string): Promise<Thing[]> {
  const groups = await groupsOfStore(openstack, storeId);
  return groups.map(({ id, name, description }) => ({
    kind: 'firewall',
    id,
    name,
    tags: readMark(description),
  }));
}

async function keyPairsOf(
  openstack: OpenStack,
  storeId: string,
): Promise<
  { readonly kind: OwnedKind; readonly id: string; readonly name: string; readonly machineId: string }[]
> {
  const pairs = await openstack.list('compute', '/os-keypairs', 'keypairs');
  return pairs.flatMap((pair) => {
    const name = textField(pair, 'keypair', 'name') ?? '';
    const machineId = machineOfKeyPair(name, storeId);
    return machineId === undefined ? [] : [{ kind: 'key' as const, id: name, name, machineId }];
  });
}

/** Removes one of them. What is gone already, or in use by somebody else, is success. */
export async function removeOwned(
  context: CheckContext<OpenStackConfig>,
  { kind, id }: OwnedResource,
): Promise<void> {
  const openstack = openOpenStack(accessOfCheck(context));
  switch (kind) {
    case 'instance':
      return deleteServer(context, openstack, id);
    case 'disk':
      return deleteVolume(context, openstack, id);
    case 'address':
      return deleteFloatingIp(openstack, id);
    case 'firewall':
      return deleteGroup(openstack, id);
    case 'key':
      return deleteKeyPair(openstack, id);
    default:
      return undefined;
  }
}
