import { findSurely } from '../../cloud/certain.ts';
import { unlessMissing } from '../../cloud/json-api.ts';
import { field } from '../../cloud/json-fields.ts';
import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import { actionOf, type Server } from './api/answers.ts';
import type { Hetzner } from './api/hetzner.ts';
import { removeUnusedFirewalls } from './firewall.ts';
import { removeUnusedGroups } from './placement-group.ts';
import { findById, findOwn } from './servers.ts';
import { findKey, removeKeys } from './ssh-keys.ts';
import { findActions, requireNoFailure, waitOptions } from './wait-server.ts';
import { markOfToken, openWorld, type HetznerContext, type HetznerWorld } from './world.ts';

/** Removing a machine at Hetzner, so that nothing of it is left that costs money or has its name. */

const goneTimeoutMs = 10 * 60_000;

/** Everything, in the order in which one thing holds another. What is gone already is success. */
export async function removeFromHetzner(context: HetznerContext): Promise<void> {
  const world = await openWorld(context);
  if (isNothingBegun(context, world)) {
    return;
  }
  const gone = await removeServers(context, world);
  await removeKeys(context, world);
  await removeUnusedFirewalls(context, world, gone);
  await removeUnusedGroups(context, world, gone);
}

/** Before its first step a machine has nothing at Hetzner: no token is needed to forget it. */
function isNothingBegun({ config }: HetznerContext, { state }: HetznerWorld): boolean {
  return (
    config.serverId === 0 &&
    (config.keyId === 0 || config.isExistingKey) &&
    config.additionalKeyIds.length === 0 &&
    !state.hasAskedKey &&
    !state.hasAskedFirewall &&
    !state.hasAskedGroup &&
    !state.hasAskedServer
  );
}

/** Servers of the machine. Returns their ids when all of them are gone. */
export async function removeServers(
  context: HetznerContext,
  world: HetznerWorld,
): Promise<readonly number[]> {
  const { hetzner, provider, state } = world;
  const found = await findServers(context, world);
  // docker-machine's record does not tell the group, but the server does.
  const groupId = found.find((server) => server.placementGroupId !== undefined)?.placementGroupId;
  if (groupId !== undefined && state.groupId === 0) {
    await provider.saveState({ groupId });
  }
  for (const { id } of found) {
    await deleteServer(context, hetzner, id);
  }
  await context.save({ ServerID: 0, IPAddress: '' });
  await provider.saveState({ hasAskedServer: false, actionIds: [] });
  return found.map(({ id }) => id);
}

/** The servers of the machine. @throws MachineError `credentials-refused`. */
async function findServers(context: HetznerContext, world: HetznerWorld): Promise<readonly Server[]> {
  const { host, signal, config } = context;
  return findSurely(async () => findOwn(context, world), {
    clock: host.clock,
    signal,
    mayBeThere: config.serverId !== 0 || world.state.hasAskedServer,
    requireRightAccount: async () => requireSameProject(context, world),
  });
}

/** Tokens are of one project, and Hetzner does not tell of which. Another token must at least find the machine's key. */
async function requireSameProject(
  { name, config }: HetznerContext,
  { hetzner, provider, state }: HetznerWorld,
): Promise<void> {
  const { machineId } = await provider.ownership();
  const { token, from } = await hetzner.token();
  if (state.tokenMark === '' || state.tokenMark === markOfToken(token, machineId)) {
    return;
  }
  if (config.keyId === 0 || (await findKey(hetzner, config.keyId)) === undefined) {
    const message = `The machine "${name}" was made with another token, and nothing of it is found with this one.`;
    throw new MachineError('credentials-refused', message, {
      why: `This token is from ${from}; it may be of another project.`,
      remedies: [
        'Use a token of the project in which the machine was made.',
        `tsmachine rm --force ${name} forgets the machine here; what there is at Hetzner stays.`,
      ],
    });
  }
}

/** Removes a server and returns when it is gone. @throws MachineError `cloud-refused` also when it could not be done. */
export async function deleteServer(
  context: Parameters<typeof waitOptions>[0],
  hetzner: Hetzner,
  id: number,
): Promise<void> {
  const action = await unlessMissing(async () =>
    actionOf(field(await hetzner.send({ method: 'DELETE', path: `/servers/${id}` }), 'action')),
  );
  await waitFor(
    async () => {
      if ((await findById(hetzner, id)) === undefined) {
        return true;
      }
      if (action !== undefined) {
        requireNoFailure(await findActions(hetzner, [action.id]));
      }
      return undefined;
    },
    waitOptions(context, `the server ${id} to be gone`, goneTimeoutMs),
  );
}
