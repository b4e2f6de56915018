import { findSurely, waitUntilGone } from '../../cloud/certain.ts';
import { unlessMissing } from '../../cloud/json-api.ts';
import { MachineError } from '../../core/errors.ts';
import type { Server } from './api/answers.ts';
import type { OpenStack } from './api/openstack.ts';
import { findById, findOwn, isThere } from './find-server.ts';
import { removeFloatingIps } from './floating-ip.ts';
import { removeKey } from './key-pair.ts';
import { removeUnusedGroups } from './security-group.ts';
import { removeVolumes } from './volume.ts';
import { openWorld, type OpenStackContext, type OpenStackWorld } from './world.ts';

/** Removing a machine at OpenStack, so that nothing of it is left that costs money or takes of a quota. */

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
  for (const { id } of await findServers(context, world)) {
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
  const isGone = async (): Promise<boolean> => {
    const server = await findById(openstack, id);
    return server === undefined || !isThere(server);
  };
  await waitUntilGone(`the server ${id}`, isGone, { clock: host.clock, signal });
}

/** The servers of the machine. @throws MachineError `credentials-refused`. */
async function findServers(context: OpenStackContext, world: OpenStackWorld): Promise<readonly Server[]> {
  const { host, signal, config } = context;
  return findSurely(async () => findOwn(context, world), {
    clock: host.clock,
    signal,
    mayBeThere: config.serverId !== '' || world.state.maybeServer,
    requireRightAccount: async () => requireSameProject(context, world),
  });
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
