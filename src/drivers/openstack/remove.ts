import { unlessMissing } from '../../cloud/json-api.ts';
import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import type { Server } from './api/answers.ts';
import type { OpenStack } from './api/openstack.ts';
import { findById, findOwn, isThere } from './find-server.ts';
import { removeFloatingIps } from './floating-ip.ts';
import { removeKey } from './key-pair.ts';
import { removeUnusedGroups } from './security-group.ts';
import { removeVolumes } from './volume.ts';
import { openWorld, type OpenStackContext, type OpenStackWorld } from './world.ts';

/** Removing a machine at OpenStack, so that nothing of it is left that costs money or takes of a quota. */

const goneTimeoutMs = 10 * 60_000;
const firstIntervalMs = 1_000;
const intervalMaxMs = 10_000;
/** Lists may be some seconds behind what was made. */
const looks = 3;
const betweenLooksMs = 3_000;

/** Everything, in the order in which one thing holds another. What is gone already is success. */
export async function removeFromOpenStack(context: OpenStackContext): Promise<void> {
  const world = await openWorld(context);
  // Before its first step a machine has nothing there: no credentials are needed to forget it.
  if (!world.state.hasBegun && context.config.serverId === '') {
    return;
  }
  await removeServers(context, world);
  await removeFloatingIps(context, world);
  await removeVolumes(context, world);
  await removeKey(context, world);
  if (context.config.groupNames.length === 0 && world.state.hasBegun) {
    await removeUnusedGroups(context, world);
  }
}

/** Servers of the machine. Returns when all of them are gone. */
export async function removeServers(context: OpenStackContext, world: OpenStackWorld): Promise<void> {
  for (const { id } of await findSurely(context, world)) {
    await deleteServer(context, world.openstack, id);
  }
  await context.save({ MachineId: '', ...(context.config.floatingPool === '' ? { IPAddress: '' } : {}) });
  await world.provider.saveState({ maybeServer: false });
}

/** Removes a server and waits until it is gone. Gone already is success. */
export async function deleteServer(
  { host, signal }: Pick<OpenStackContext, 'host' | 'signal'>,
  openstack: OpenStack,
  id: string,
): Promise<void> {
  const path = `/servers/${encodeURIComponent(id)}`;
  await unlessMissing(() => openstack.call('compute', { method: 'DELETE', path }));
  await waitFor(
    async () => {
      const server = await findById(openstack, id);
      return server === undefined || !isThere(server) ? true : undefined;
    },
    {
      clock: host.clock,
      timeoutMs: goneTimeoutMs,
      intervalMs: firstIntervalMs,
      intervalMaxMs,
      signal,
      code: 'timeout',
      what: `the server ${id} to be gone`,
    },
  );
}

/**
 * The servers of the machine. None are believed only to somebody who looks into the right project, several times: the
 * answer to the request that made one may have been lost.
 * @throws MachineError `credentials-refused`.
 */
async function findSurely(context: OpenStackContext, world: OpenStackWorld): Promise<readonly Server[]> {
  const { host, signal, config } = context;
  const mayBeThere = config.serverId !== '' || world.state.maybeServer;
  for (let look = 1; ; look += 1) {
    const found = await findOwn(context, world);
    if (found.length > 0 || !mayBeThere) {
      return found;
    }
    if (look === 1) {
      await requireSameProject(context, world);
    }
    if (look === looks) {
      return [];
    }
    await host.clock.sleep(betweenLooksMs, signal);
  }
}

async function requireSameProject(
  { name }: OpenStackContext,
  { openstack, state }: OpenStackWorld,
): Promise<void> {
  const projectId = await openstack.projectId();
  if (state.projectId !== '' && projectId !== state.projectId) {
    throw new MachineError(
      'credentials-refused',
      `The machine "${name}" is in another project of OpenStack.`,
      {
        why: `It was made in the project ${state.projectId}; these credentials are of ${projectId}.`,
      },
    );
  }
}
