import { isMachineError, messageOf } from '../../core/errors.ts';
import type { DriverStatus, PowerState } from '../driver.ts';
import { hostEndpoints } from '../host-endpoints.ts';
import type { Server } from './api/answers.ts';
import { openOpenStack, type Access } from './api/openstack.ts';
import type { OpenStackConfig } from './config.ts';
import { placeOf } from './place.ts';
import { findById, listServers } from './find-server.ts';
import { addressOf } from './wait-server.ts';
import { accessOf, openWorld, type OpenStackContext } from './world.ts';

const powerStates: ReadonlyMap<string, PowerState> = new Map<string, PowerState>(
  Object.entries({
    BUILD: 'starting',
    REBUILD: 'starting',
    ACTIVE: 'running',
    REBOOT: 'starting',
    HARD_REBOOT: 'starting',
    SHUTOFF: 'stopped',
    STOPPED: 'stopped',
    SHELVED: 'stopped',
    SHELVED_OFFLOADED: 'stopped',
    PAUSED: 'paused',
    SUSPENDED: 'saved',
    RESIZE: 'starting',
    VERIFY_RESIZE: 'running',
    REVERT_RESIZE: 'starting',
    MIGRATING: 'running',
    PASSWORD: 'running',
    RESCUE: 'running',
    DELETED: 'absent',
    SOFT_DELETED: 'absent',
  } as const),
);

/** How the machine is, from Nova. What Nova does not tell is an error state with the reason. */
export async function inspectServer(context: OpenStackContext): Promise<DriverStatus> {
  const { config, signal } = context;
  if (config.serverId === '') {
    return withoutServer;
  }
  try {
    const { openstack } = await openWorld(context);
    return statusOf(await findById(openstack, config.serverId), config);
  } catch (error) {
    signal.throwIfAborted();
    return failure(error);
  }
}

/** The same for many machines: one list for each project and region. */
export async function inspectServers(
  contexts: readonly OpenStackContext[],
): Promise<readonly DriverStatus[]> {
  const places = new Map<string, Promise<ReadonlyMap<string, Server>>>();
  return Promise.all(
    contexts.map(async (context): Promise<DriverStatus> => {
      const { config, signal } = context;
      if (config.serverId === '') {
        return withoutServer;
      }
      try {
        const { access } = await accessOf(context);
        const { password, applicationSecret } = config;
        const secrets = [access.secrets, password, applicationSecret];
        const place = JSON.stringify([placeOf(config, { ...access }), secrets]);
        const servers = places.get(place) ?? serversOf(access);
        places.set(place, servers);
        return statusOf((await servers).get(config.serverId), config);
      } catch (error) {
        signal.throwIfAborted();
        return failure(error);
      }
    }),
  );
}

async function serversOf(access: Access): Promise<ReadonlyMap<string, Server>> {
  return new Map((await listServers(openOpenStack(access))).map((server) => [server.id, server]));
}

/** The status of a server as Nova tells it. */
export function statusOf(server: Server | undefined, config: OpenStackConfig): DriverStatus {
  if (server === undefined) {
    return { power: 'absent', detail: `OpenStack does not know the server ${config.serverId}` };
  }
  const power = powerOf(server);
  if (power === 'running') {
    const address = addressOf(server, config);
    return { power, ...(address === undefined ? {} : hostEndpoints(address, config)) };
  }
  const why = server.fault === undefined ? '' : `: ${server.fault}`;
  return { power, detail: `the server ${server.id} is ${server.status}${why}` };
}

function powerOf({ status, task }: Server): PowerState {
  if (status === 'ACTIVE' && (task === 'powering-off' || task === 'deleting')) {
    return 'stopping';
  }
  return status === 'SHUTOFF' && task === 'powering-on' ? 'starting' : (powerStates.get(status) ?? 'error');
}

const withoutServer: DriverStatus = { power: 'absent', detail: 'it has no server yet' };

function failure(error: unknown): DriverStatus {
  const why = isMachineError(error) && error.why !== undefined ? ` ${error.why}` : '';
  return { power: 'error', detail: `${messageOf(error)}${why}` };
}

/** The address of the last start, without asking anybody. */
export function recallStatus(config: OpenStackConfig): DriverStatus | undefined {
  return config.address === '' || config.serverId === ''
    ? undefined
    : { power: 'running', ...hostEndpoints(config.address, config) };
}
