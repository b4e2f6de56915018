import { cloudStatus, unlessMissing } from '../../cloud/json-api.ts';
import { field } from '../../cloud/json-fields.ts';
import { machineTags, type Ownership } from '../../cloud/ownership.ts';
import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import { readAll, serverOf, volumeSnapshotOf, type VolumeSnapshot } from './api/answers.ts';
import type { OpenStack } from './api/openstack.ts';
import { machineOfName } from './marks.ts';
import { deleteVolume, volumesOfMachine } from './volume.ts';
import type { OpenStackContext, OpenStackWorld } from './world.ts';

/**
 * What is beside an image of a server whose disks are volumes: snapshots of them, which Nova makes, and the volumes
 * themselves. Cinder keeps a volume as long as it has a snapshot, so that volume outlives its server.
 */

const stateTimeoutMs = 10 * 60_000;
const firstIntervalMs = 1_000;
const intervalMaxMs = 10_000;

type Waiting = Pick<OpenStackContext, 'host' | 'signal'>;

/** All snapshots of the project; none where there is no Cinder. */
export async function listSnapshots(openstack: OpenStack): Promise<readonly VolumeSnapshot[]> {
  const isThere = await openstack.has('volume');
  const list = isThere ? await openstack.list('volume', '/snapshots/detail', 'snapshots') : [];
  return readAll(list, volumeSnapshotOf);
}

/** The snapshot of an id; undefined when Cinder does not know it. */
export async function findSnapshot(openstack: OpenStack, id: string): Promise<VolumeSnapshot | undefined> {
  const path = `/snapshots/${encodeURIComponent(id)}`;
  const body = await unlessMissing(() => openstack.call('volume', { method: 'GET', path }));
  return volumeSnapshotOf(field(body, 'snapshot'));
}

/** Writes on the volumes that were to end with a server whose they are. Nova made them, and wrote nothing on them. */
export async function markVolumes(
  { host, name, config }: OpenStackContext,
  { openstack, provider }: OpenStackWorld,
): Promise<void> {
  const path = `/servers/${encodeURIComponent(config.serverId)}`;
  // Since 2.3 Nova tells which volumes end with the server.
  const body = await openstack.call('compute', { method: 'GET', path, microversion: '2.3' });
  const server = serverOf(field(body, 'server'));
  if (server?.isOnVolume !== true) {
    return;
  }
  const metadata = machineTags(await provider.ownership(), name, host.clock.nowMs());
  for (const id of server.endingVolumeIds) {
    await openstack.call('volume', {
      method: 'POST',
      path: `/volumes/${encodeURIComponent(id)}/metadata`,
      body: { metadata },
      isRepeatable: true,
    });
  }
}

/** Removes the snapshots of an image, and the volumes of its machine that no server has any more. */
export async function removeSnapshots(
  context: Waiting,
  openstack: OpenStack,
  { storeId, machineId, ids }: Ownership & { readonly ids: readonly string[] },
): Promise<void> {
  // One may have been made for an image that was not.
  const byName = (await listSnapshots(openstack)).filter(
    ({ name }) => machineOfName(name, storeId) === machineId,
  );
  for (const id of new Set([...ids, ...byName.map((snapshot) => snapshot.id)])) {
    await deleteSnapshot(context, openstack, id);
  }
  const volumes = await volumesOfMachine(openstack, machineId);
  for (const { id } of volumes.filter(({ status }) => !/^(?:in-use|attaching|detaching)$/.test(status))) {
    await deleteVolume(context, openstack, id);
  }
}

/**
 * Removes a snapshot, and waits until it is gone. Gone already is success.
 * @throws MachineError `cloud-refused` when there are volumes that need it; `timeout`.
 */
export async function deleteSnapshot(context: Waiting, openstack: OpenStack, id: string): Promise<void> {
  await waitForSnapshot(context, openstack, { id, isReached: (found) => found?.status !== 'creating' });
  const path = `/snapshots/${encodeURIComponent(id)}`;
  try {
    await unlessMissing(() => openstack.call('volume', { method: 'DELETE', path }));
  } catch (error) {
    // An earlier sending, whose answer was lost, is being carried out.
    if (cloudStatus(error) !== 400) {
      throw error;
    }
  }
  await waitForSnapshot(context, openstack, {
    id,
    isReached: (snapshot) => {
      if (snapshot !== undefined && /^(?:available|error)/.test(snapshot.status)) {
        throw new MachineError('cloud-refused', `Cinder could not remove the snapshot ${id}.`, {
          why: `It is ${snapshot.status}: some clouds keep a snapshot as long as there are volumes that were made of it.`,
          remedies: ['Remove the machines that were made of the image first.'],
        });
      }
      return snapshot === undefined;
    },
  });
}

async function waitForSnapshot(
  { host, signal }: Waiting,
  openstack: OpenStack,
  {
    id,
    isReached,
  }: { readonly id: string; readonly isReached: (snapshot: VolumeSnapshot | undefined) => boolean },
): Promise<void> {
  await waitFor(async () => (isReached(await findSnapshot(openstack, id)) ? true : undefined), {
    clock: host.clock,
    timeoutMs: stateTimeoutMs,
    intervalMs: firstIntervalMs,
    intervalMaxMs,
    signal,
    code: 'timeout',
    what: `the snapshot ${id} to be ready or gone`,
  });
}
