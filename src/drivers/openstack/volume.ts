import { cloudStatus, unlessMissing } from '../../cloud/json-api.ts';
import { field } from '../../cloud/json-fields.ts';
import { makeOnce } from '../../cloud/make-once.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import { readAll, volumeOf, type Volume } from './api/answers.ts';
import type { OpenStack } from './api/openstack.ts';
import { volumeBody } from './api/requests.ts';
import { metadataOf } from './marks.ts';
import type { OpenStackContext, OpenStackWorld } from './world.ts';

/** A further disk, of Cinder. It is attached by the request that makes the server. */

const stateTimeoutMs = 5 * 60_000;
const firstIntervalMs = 1_000;
const intervalMaxMs = 10_000;

/** Makes the volume, or finds the one that an earlier attempt made, and waits until it can be used. @returns its id. */
export async function makeVolume(context: OpenStackContext, world: OpenStackWorld): Promise<string> {
  const { host, signal, name, config, save } = context;
  const { openstack, provider } = world;
  const own = await provider.ownership();
  await provider.saveState({ hasOwnVolume: true });
  const volume = await makeOnce({
    clock: host.clock,
    signal,
    find: async () => (await volumesOfMachine(openstack, own.machineId))[0],
    make: async () => {
      const metadata = metadataOf(own, { name, userMetadata: '', nowMs: host.clock.nowMs() });
      const request = { method: 'POST', path: '/volumes', body: volumeBody(config, metadata) } as const;
      const made = volumeOf(field(await openstack.call('volume', request), 'volume'));
      if (made === undefined) {
        throw new MachineError('request-failed', 'OpenStack made a volume, but does not name it.');
      }
      return made;
    },
  });
  await save({ VolumeId: volume.id });
  await waitForVolume(context, openstack, {
    id: volume.id,
    isReached: (found) => {
      if (found === undefined || /^error/.test(found.status)) {
        throw new MachineError('vm-start-failed', `The volume ${volume.id} could not be made.`, {
          why:
            found === undefined ? 'Cinder does not know it any more.' : `It is in the state ${found.status}.`,
          remedies: [`tsmachine rm ${name}`],
        });
      }
      return found.status === 'available' || found.status === 'in-use';
    },
  });
  return volume.id;
}

async function waitForVolume(
  { host, signal }: Pick<OpenStackContext, 'host' | 'signal'>,
  openstack: OpenStack,
  { id, isReached }: { readonly id: string; readonly isReached: (volume: Volume | undefined) => boolean },
): Promise<void> {
  await waitFor(async () => (isReached(await findVolume(openstack, id)) ? true : undefined), {
    clock: host.clock,
    timeoutMs: stateTimeoutMs,
    intervalMs: firstIntervalMs,
    intervalMaxMs,
    signal,
    code: 'timeout',
    what: `the volume ${id} to be ready or gone`,
  });
}

/** The volume of an id; undefined when Cinder does not know it. */
export async function findVolume(openstack: OpenStack, id: string): Promise<Volume | undefined> {
  const path = `/volumes/${encodeURIComponent(id)}`;
  const body = await unlessMissing(() => openstack.call('volume', { method: 'GET', path }));
  return volumeOf(field(body, 'volume'));
}

/** All volumes of the project. */
export async function listVolumes(openstack: OpenStack): Promise<readonly Volume[]> {
  return readAll(await openstack.list('volume', '/volumes/detail', 'volumes'), volumeOf);
}

/** Those that were made for a machine, with everything that it may have attached. */
export async function volumesOfMachine(openstack: OpenStack, machineId: string): Promise<readonly Volume[]> {
  const volumes = await listVolumes(openstack);
  return volumes.filter(({ metadata }) => metadata[ownerTags.machine] === machineId);
}

/** Removes the volumes that were made for the machine, never one of the user's. The server is gone. */
export async function removeVolumes(context: OpenStackContext, world: OpenStackWorld): Promise<void> {
  const { openstack, provider, state } = world;
  if (!state.hasOwnVolume) {
    return;
  }
  const { machineId } = await provider.ownership();
  for (const { id } of await volumesOfMachine(openstack, machineId)) {
    await deleteVolume(context, openstack, id);
  }
  await context.save({ VolumeId: '' });
  await provider.saveState({ hasOwnVolume: false });
}

/** Waits until nothing uses it, removes it, and waits until it is gone. Gone already is success. */
export async function deleteVolume(
  context: Pick<OpenStackContext, 'host' | 'signal'>,
  openstack: OpenStack,
  id: string,
): Promise<void> {
  const isFree = (volume: Volume | undefined): boolean =>
    volume === undefined || !/^(?:in-use|detaching|attaching|creating|downloading)$/.test(volume.status);
  await waitForVolume(context, openstack, { id, isReached: isFree });
  const path = `/volumes/${encodeURIComponent(id)}`;
  try {
    await unlessMissing(() => openstack.call('volume', { method: 'DELETE', path }));
  } catch (error) {
    // An earlier sending, whose answer was lost, is being carried out.
    if (cloudStatus(error) !== 400) {
      throw error;
    }
  }
  await waitForVolume(context, openstack, { id, isReached: (volume) => volume === undefined });
}
