import { isMachineError, messageOf } from '../../core/errors.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import type { DriverStatus, PowerState } from '../driver.ts';
import { hostEndpoints } from '../host-endpoints.ts';
import { serverOf, type Server } from './api/answers.ts';
import type { HetznerConfig } from './config.ts';
import { selector } from './labels.ts';
import { findById } from './servers.ts';
import { addressOf } from './wait-server.ts';
import { accessOf, openWorld, type HetznerContext, type HetznerWorld } from './world.ts';

const powerStates: Readonly<Record<string, PowerState>> = {
  initializing: 'starting',
  starting: 'starting',
  migrating: 'starting',
  rebuilding: 'starting',
  running: 'running',
  stopping: 'stopping',
  deleting: 'stopping',
  off: 'stopped',
};

const withoutServer: DriverStatus = { power: 'absent', detail: 'it has no server yet' };

/** How the machine is, from Hetzner. What Hetzner does not tell is an error state with the reason. */
export async function inspectServer(context: HetznerContext): Promise<DriverStatus> {
  const { config } = context;
  if (config.serverId === 0) {
    return withoutServer;
  }
  try {
    const { hetzner } = await openWorld(context);
    return statusOf(await findById(hetzner, config.serverId), config);
  } catch (error) {
    return failure(context, error);
  }
}

/** The same for many, with one list for all of a project and store. What is not in it is asked for alone. */
export async function inspectServers(contexts: readonly HetznerContext[]): Promise<readonly DriverStatus[]> {
  const lists = new Map<string, Promise<ReadonlyMap<number, Server>>>();
  return Promise.all(
    contexts.map(async (context) => {
      const { config } = context;
      if (config.serverId === 0) {
        return withoutServer;
      }
      try {
        const world = await openWorld(context);
        const place = await placeOf(context, world);
        const list = lists.get(place) ?? listServers(world);
        lists.set(place, list);
        const server = (await list).get(config.serverId);
        return server === undefined ? await inspectServer(context) : statusOf(server, config);
      } catch (error) {
        return failure(context, error);
      }
    }),
  );
}

async function placeOf(context: HetznerContext, { hetzner, provider }: HetznerWorld): Promise<string> {
  const { endpoint } = accessOf({ ...context, state: await provider.state() });
  return `${endpoint} ${(await hetzner.token()).token}`;
}

async function listServers({ hetzner, provider }: HetznerWorld): Promise<ReadonlyMap<number, Server>> {
  const { storeId } = await provider.ownership();
  const query = { label_selector: selector(ownerTags.owner, storeId) };
  return new Map((await hetzner.list('/servers', query, serverOf)).map((server) => [server.id, server]));
}

function failure({ signal }: HetznerContext, error: unknown): DriverStatus {
  signal.throwIfAborted();
  const why = isMachineError(error) && error.why !== undefined ? ` ${error.why}` : '';
  return { power: 'error', detail: `${messageOf(error)}${why}` };
}

/** The status of a server as Hetzner tells it. */
export function statusOf(server: Server | undefined, config: HetznerConfig): DriverStatus {
  if (server === undefined) {
    return { power: 'absent', detail: `Hetzner does not know the server ${config.serverId}` };
  }
  const power = powerStates[server.status] ?? 'error';
  const detail = power === 'running' ? {} : { detail: `the server ${server.id} is ${server.status}` };
  const address = power === 'running' ? addressOf(server, config) : undefined;
  return { power, ...detail, ...(address === undefined ? {} : hostEndpoints(address, config)) };
}

/** The address of the last start, without asking anybody. */
export function recallStatus(config: HetznerConfig): DriverStatus | undefined {
  return config.address === '' || config.serverId === 0
    ? undefined
    : { power: 'running', ...hostEndpoints(config.address, config) };
}
