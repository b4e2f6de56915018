import { findSurely, waitUntilGone } from '../../cloud/certain.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import { MachineError } from '../../core/errors.ts';
import { securityGroupsOf, spotRequestsOf, volumesOf, type Instance } from './api/answers.ts';
import { filter } from './choose.ts';
import { unlessMissing, type Ec2 } from './api/ec2.ts';
import { findById, findOwn, isThere } from './find-instance.ts';
import { removeKey } from './key-pair.ts';
import { removeUnusedGroups } from './security-group.ts';
import { openWorld, type Ec2Context, type Ec2World } from './world.ts';

/** Removing a machine at EC2, so that nothing of it is left that costs money or has its name. */

/** Everything, in the order in which one thing holds another. What is gone already is success. */
export async function removeFromEc2(context: Ec2Context): Promise<void> {
  if (isNothingBegun(context, (await openWorld(context)).state)) {
    return;
  }
  const world = await openWorld(context);
  await removeInstances(context, world);
  await removeKey(context, world);
  await removeUnusedGroups(context, world);
}

/** Before its first step a machine has not even a place at EC2: no credentials are needed to forget it. */
function isNothingBegun({ config }: Ec2Context, state: Ec2World['state']): boolean {
  return (
    config.instanceId === '' &&
    config.keyName === '' &&
    config.groupIds.length === 0 &&
    config.vpcId === '' &&
    state.clientToken === '' &&
    !state.hasOwnKeyPair
  );
}

/** Instances of the machine with their spot requests and disks. Returns when all of them are gone. */
export async function removeInstances(context: Ec2Context, world: Ec2World): Promise<void> {
  const { ec2 } = world;
  const found = await findInstances(context, world);
  // First the request, or it would be fulfilled a second time.
  await cancelSpotRequests(world, found);
  if (found.length > 0) {
    await ec2.call('TerminateInstances', { InstanceId: found.map(({ id }) => id) });
    for (const { id } of found) {
      await waitUntilTerminated(context, ec2, id);
    }
  }
  await removeVolumes(world);
  await context.save({ InstanceId: '', IPAddress: '', PrivateIPAddress: '' });
  await world.provider.saveState({ clientToken: '', createdMs: null });
}

/** The instances of the machine. @throws MachineError `credentials-refused`. */
async function findInstances(context: Ec2Context, world: Ec2World): Promise<readonly Instance[]> {
  const { host, signal, config } = context;
  return findSurely(async () => findOwn(context, world), {
    clock: host.clock,
    signal,
    mayBeThere: config.instanceId !== '' || world.state.clientToken !== '',
    requireRightAccount: async () => requireSameAccount(context, world),
  });
}

async function requireSameAccount({ name }: Ec2Context, { ec2, state }: Ec2World): Promise<void> {
  if (state.accountId === '') {
    return;
  }
  const [group] = await ec2.list(
    'DescribeSecurityGroups',
    { Filter: [filter('group-name', 'default')] },
    securityGroupsOf,
  );
  if (group?.ownerId !== undefined && group.ownerId !== state.accountId) {
    throw new MachineError('credentials-refused', `The machine "${name}" is in another account of AWS.`, {
      why: `It was made in the account ${state.accountId}; these credentials are of ${group.ownerId}.`,
    });
  }
}

async function cancelSpotRequests(
  { ec2, provider, state }: Ec2World,
  found: readonly Instance[],
): Promise<void> {
  const { machineId } = await provider.ownership();
  const byTag = await ec2.list(
    'DescribeSpotInstanceRequests',
    { Filter: [filter(`tag:${ownerTags.machine}`, machineId)] },
    spotRequestsOf,
  );
  const open = byTag.filter((request) => request.state === 'open' || request.state === 'active');
  const ids = new Set([
    ...open.map(({ id }) => id),
    ...found.flatMap(({ spotRequestId }) => spotRequestId ?? []),
    ...(state.spotRequestId === '' ? [] : [state.spotRequestId]),
  ]);
  for (const id of ids) {
    await unlessMissing(() => ec2.call('CancelSpotInstanceRequests', { SpotInstanceRequestId: [id] }));
  }
  if (state.spotRequestId !== '') {
    await provider.saveState({ spotRequestId: '' });
  }
}

/** Returns when the instance is gone. @throws MachineError `timeout`. */
export async function waitUntilTerminated(
  { host, signal }: Pick<Ec2Context, 'host' | 'signal'>,
  ec2: Ec2,
  id: string,
): Promise<void> {
  const isGone = async (): Promise<boolean> => {
    const instance = await findById(ec2, id);
    return instance === undefined || !isThere(instance);
  };
  await waitUntilGone(`the instance ${id}`, isGone, { clock: host.clock, signal });
}

/** Disks go with their instance; one that did not is a rest. */
async function removeVolumes({ ec2, provider }: Ec2World): Promise<void> {
  const { machineId } = await provider.ownership();
  const volumes = await ec2.list(
    'DescribeVolumes',
    { Filter: [filter(`tag:${ownerTags.machine}`, machineId), filter('status', 'available')] },
    volumesOf,
  );
  for (const { id } of volumes) {
    await unlessMissing(() => ec2.call('DeleteVolume', { VolumeId: id }));
  }
}
