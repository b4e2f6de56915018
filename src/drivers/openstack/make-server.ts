import { cloudStatus } from '../../cloud/json-api.ts';
import { field } from '../../cloud/json-fields.ts';
import { makeOnce } from '../../cloud/make-once.ts';
import { isMachineError, MachineError } from '../../core/errors.ts';
import { firstBootData } from '../provider.ts';
import { serverOf } from './api/answers.ts';
import { serverRequest, userDataMaxBytes, type ServerDetails } from './api/requests.ts';
import { findByMark } from './find-server.ts';
import { metadataOf } from './marks.ts';
import { ensureGroup } from './security-group.ts';
import type { OpenStackContext, OpenStackWorld } from './world.ts';

/** How often a server is asked for again whose group went away with the last machine that used it. */
const groupTriesMax = 3;

/**
 * Makes the server, or finds the one that an earlier attempt made: its id is in the record when this resolves.
 * @param rootSizeGiB of a root disk that is a volume.
 */
export async function makeServer(
  context: OpenStackContext,
  world: OpenStackWorld,
  rootSizeGiB: number,
): Promise<string> {
  const { host, signal, name, save } = context;
  const { provider, openstack } = world;
  const { machineId } = await provider.ownership();
  const details = await detailsOf(context, world, rootSizeGiB);
  await provider.saveState({ maybeServer: true });
  const id = await makeOnce({
    clock: host.clock,
    signal,
    find: async () => (await findByMark(openstack, { name, machineId }))[0]?.id,
    make: async () => ask(context, world, details),
  });
  await save({ MachineId: id });
  return id;
}

async function ask(
  context: OpenStackContext,
  world: OpenStackWorld,
  details: ServerDetails,
): Promise<string> {
  const { config } = context;
  const isOwnGroup = config.groupNames.length === 0;
  for (let attempt = 1; ; attempt += 1) {
    const groups = isOwnGroup ? [await groupOf(context, world, attempt)] : details.groups;
    const { body, microversion } = serverRequest(config, { ...details, groups });
    try {
      const answer = await world.openstack.call('compute', {
        method: 'POST',
        path: '/servers',
        body,
        ...(microversion === undefined ? {} : { microversion }),
      });
      const made = serverOf(field(answer, 'server'));
      if (made === undefined) {
        throw new MachineError('request-failed', 'OpenStack made a server, but does not name it.');
      }
      return made.id;
    } catch (error) {
      const isGroup =
        isMachineError(error) &&
        [400, 404].includes(cloudStatus(error) ?? 0) &&
        /security group/i.test(error.message);
      if (!isOwnGroup || !isGroup || attempt >= groupTriesMax) {
        throw error;
      }
    }
  }
}

async function groupOf(context: OpenStackContext, world: OpenStackWorld, attempt: number): Promise<string> {
  const { groupId } = world.state;
  return attempt === 1 && groupId !== '' ? groupId : ensureGroup(context, world);
}

async function detailsOf(
  context: OpenStackContext,
  { provider, state }: OpenStackWorld,
  rootSizeGiB: number,
): Promise<ServerDetails> {
  const { host, name, config } = context;
  const theirs = config.userData === '' ? undefined : Buffer.from(config.userData, 'base64').toString();
  const own = await provider.ownership();
  return {
    name,
    userData: await firstBootData(context, provider, { theirs, bytesMax: userDataMaxBytes }),
    metadata: metadataOf(own, { name, userMetadata: state.metadata, nowMs: host.clock.nowMs() }),
    groups: config.groupNames,
    rootSizeGiB,
    imageSnapshotId: state.imageSnapshotId,
  };
}
