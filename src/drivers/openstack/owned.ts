import { textField } from '../../cloud/json-fields.ts';
import { ownerTags, readTags } from '../../cloud/ownership.ts';
import type { CheckContext } from '../driver.ts';
import { unfinishedImages } from '../images.ts';
import type { OwnedResource } from '../owned.ts';
import type { Image, VolumeSnapshot } from './api/answers.ts';
import { openOpenStack, type OpenStack } from './api/openstack.ts';
import type { OpenStackConfig } from './config.ts';
import { listServers } from './find-server.ts';
import { deleteFloatingIp, listFloatingIps } from './floating-ip.ts';
import { deleteImage, imagesOfStore, toBaked } from './images.ts';
import { deleteKeyPair } from './key-pair.ts';
import { machineOfName, readMark } from './marks.ts';
import { deleteServer } from './remove.ts';
import { deleteGroup, groupsOfStore } from './security-group.ts';
import { deleteSnapshot, listSnapshots } from './snapshots.ts';
import { deleteVolume, listVolumes } from './volume.ts';
import { accessOfCheck } from './world.ts';

/** What carries the mark of a store, whatever its records say. */

type Thing = Pick<OwnedResource, 'kind' | 'id' | 'name'> & {
  readonly tags: Readonly<Record<string, string>>;
};

/** Tells by its name whose it is. */
type NamedThing = Pick<OwnedResource, 'kind' | 'id' | 'name'> & { readonly machineId: string };

/** Everything of a store in the project and region. */
export async function listOwned(
  context: CheckContext<OpenStackConfig>,
  storeId: string,
): Promise<readonly OwnedResource[]> {
  const openstack = openOpenStack(accessOfCheck(context));
  // In this order: whatever snapshot is known, its image is.
  const snapshots = await listSnapshots(openstack);
  const images = await imagesOfStore(openstack, storeId);
  const ofImages = snapshotsOfImages(snapshots, images);
  const things = [
    ...(await serversOf(openstack)),
    ...(await volumesOf(openstack, new Set([...ofImages].map(({ volumeId }) => volumeId)))),
    ...(await floatingIpsOf(openstack)),
    ...(await groupsOf(openstack, storeId)),
  ].filter(({ tags }) => tags[ownerTags.owner] === storeId);
  const place = context.config.region;
  const named = [
    ...lostSnapshots(
      snapshots.filter((each) => !ofImages.has(each)),
      storeId,
    ),
    ...(await keyPairsOf(openstack, storeId)),
  ];
  return [
    ...things.map(({ tags, ...thing }) => ({ ...thing, place, ...readTags(tags) })),
    ...named.map((thing) => ({ ...thing, place })),
    ...unfinishedImages(toBaked(images, context.config)),
  ];
}

/** They go with their images, and so do the volumes that they are of. */
function snapshotsOfImages(
  snapshots: readonly VolumeSnapshot[],
  images: readonly Image[],
): ReadonlySet<VolumeSnapshot> {
  const ids = new Set(images.flatMap((image) => image.snapshots.map(({ id }) => id)));
  return new Set(snapshots.filter(({ id }) => ids.has(id)));
}

/** Of images that never came to be. */
function lostSnapshots(snapshots: readonly VolumeSnapshot[], storeId: string): NamedThing[] {
  return snapshots.flatMap(({ id, name }) => {
    const machineId = machineOfName(name, storeId);
    return machineId === undefined ? [] : [{ kind: 'snapshot', id, name, machineId }];
  });
}

async function serversOf(openstack: OpenStack): Promise<Thing[]> {
  const servers = await listServers(openstack);
  return servers.map(({ id, name, metadata }) => ({ kind: 'instance', id, name, tags: metadata }));
}

async function volumesOf(openstack: OpenStack, ofImages: ReadonlySet<string>): Promise<Thing[]> {
  const volumes = (await openstack.has('volume')) ? await listVolumes(openstack) : [];
  return volumes
    .filter(({ id }) => !ofImages.has(id))
    .map(({ id, name, metadata }) => ({ kind: 'disk', id, name, tags: metadata }));
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

async function keyPairsOf(openstack: OpenStack, storeId: string): Promise<NamedThing[]> {
  const pairs = await openstack.list('compute', '/os-keypairs', 'keypairs');
  return pairs.flatMap((pair) => {
    const name = textField(pair, 'keypair', 'name') ?? '';
    const machineId = machineOfName(name, storeId);
    return machineId === undefined ? [] : [{ kind: 'key', id: name, name, machineId }];
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
    case 'image':
      return deleteImage(context, openstack, id);
    case 'snapshot':
      return deleteSnapshot(context, openstack, id);
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
