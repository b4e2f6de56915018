import { ownerTags, readImageTags, readTags } from '../../cloud/ownership.ts';
import type { CheckContext } from '../driver.ts';
import type { OwnedKind, OwnedResource } from '../owned.ts';
import {
  imagesOf,
  instancesOf,
  keyPairsOf,
  securityGroupsOf,
  snapshotsOf,
  spotRequestsOf,
  volumesOf,
} from './api/answers.ts';
import { awsCode, openEc2, unlessMissing, type Ec2 } from './api/ec2.ts';
import { filter } from './choose.ts';
import type { Ec2Config } from './config.ts';
import { isThere } from './find-instance.ts';
import { removeImage, removeSnapshot } from './images.ts';
import { findKeyPair } from './key-pair.ts';
import { waitUntilTerminated } from './remove.ts';
import { removeGroupIfUnused } from './security-group.ts';
import { accessOfCheck } from './world.ts';

/** What carries the mark of a store in a region, and its removal, for `gc`. */

/** States of a spot request that may still come to an instance. */
const openStates: ReadonlySet<string> = new Set(['open', 'active', 'disabled']);

interface Tagged {
  readonly tags: Readonly<Record<string, string>>;
}

/** Everything in the region with the tag of the store. Network interfaces go with their instance. */
export async function listOwned(
  context: CheckContext<Ec2Config>,
  storeId: string,
): Promise<readonly OwnedResource[]> {
  const ec2 = openEc2(accessOfCheck(context));
  const place = context.config.region;
  const Filter = [filter(`tag:${ownerTags.owner}`, storeId)];
  const resource = (kind: OwnedKind, id: string, { tags }: Tagged, name?: string): OwnedResource => ({
    kind,
    id,
    name: name ?? tags[ownerTags.name] ?? id,
    place,
    ...readTags(tags),
  });
  // Whatever the service makes of the filter: of somebody else's nothing is returned.
  const ours = <T extends Tagged>(all: readonly T[]): readonly T[] =>
    all.filter(({ tags }) => tags[ownerTags.owner] === storeId);
  const requests = ours(await ec2.list('DescribeSpotInstanceRequests', { Filter }, spotRequestsOf));
  const instances = ours(await ec2.list('DescribeInstances', { Filter }, instancesOf));
  const images = ours(imagesOf(await ec2.call('DescribeImages', { Owner: ['self'], Filter })));
  const snapshots = ours(await ec2.list('DescribeSnapshots', { Owner: ['self'], Filter }, snapshotsOf));
  const inUse = new Set(images.flatMap(({ snapshotIds }) => snapshotIds));
  const volumes = ours(await ec2.list('DescribeVolumes', { Filter }, volumesOf));
  const keys = ours(keyPairsOf(await ec2.call('DescribeKeyPairs', { Filter })));
  const groups = ours(await ec2.list('DescribeSecurityGroups', { Filter }, securityGroupsOf));
  return [
    ...requests
      .filter(({ state }) => openStates.has(state))
      .map((each) => resource('spot-request', each.id, each)),
    ...instances.filter(isThere).map((each) => resource('instance', each.id, each)),
    // What is finished is nobody's rest; a snapshot goes with its image.
    ...images
      .filter(({ tags }) => !readImageTags(tags).isFinished)
      .map((each) => resource('image', each.id, each, readImageTags(each.tags).name)),
    ...snapshots.filter(({ id }) => !inUse.has(id)).map((each) => resource('snapshot', each.id, each)),
    ...volumes.map((each) => resource('disk', each.id, each)),
    ...keys.map((each) => resource('key', each.id ?? each.name, each, each.name)),
    ...groups.map((each) => resource('group', each.id, each, each.name)),
  ];
}

/** Removes one of them. An instance is gone when this resolves. */
export async function removeOwned(context: CheckContext<Ec2Config>, resource: OwnedResource): Promise<void> {
  const ec2 = openEc2(accessOfCheck(context));
  const { id, kind } = resource;
  switch (kind) {
    case 'spot-request':
      await unlessMissing(() => ec2.call('CancelSpotInstanceRequests', { SpotInstanceRequestId: [id] }));
      return;
    case 'instance':
      await unlessMissing(() => ec2.call('TerminateInstances', { InstanceId: [id] }));
      await waitUntilTerminated(context, ec2, id);
      return;
    case 'image':
      await removeImage(context, ec2, id);
      return;
    case 'snapshot':
      await removeSnapshot(context, ec2, id);
      return;
    case 'disk':
      await removeDisk(ec2, id);
      return;
    case 'key':
      await removeKeyPair(ec2, resource);
      return;
    case 'group': {
      const remove = async (): Promise<unknown> => removeGroupIfUnused(ec2, id);
      await (context.exclusively === undefined ? remove() : context.exclusively('security-group', remove));
      return;
    }
    case 'network-interface':
    case 'address':
    case 'firewall':
    case 'placement-group':
    case 'network':
      // None is ever listed.
      return;
  }
}

async function removeDisk(ec2: Ec2, id: string): Promise<void> {
  try {
    await unlessMissing(() => ec2.call('DeleteVolume', { VolumeId: id }));
  } catch (error) {
    // Somebody has attached it to an instance of another owner.
    if (awsCode(error) !== 'VolumeInUse') {
      throw error;
    }
  }
}

/** By its name, but only if that has not come to another one since. */
async function removeKeyPair(ec2: Ec2, { id, name }: OwnedResource): Promise<void> {
  const present = await findKeyPair(ec2, name);
  if (present !== undefined && (present.id ?? present.name) === id) {
    await unlessMissing(() => ec2.call('DeleteKeyPair', { KeyName: name }));
  }
}
