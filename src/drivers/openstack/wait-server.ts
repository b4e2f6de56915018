import { waitForMachine, type ProviderMachine, type WantedState } from '../../cloud/wait-for-machine.ts';
import type { Server } from './api/answers.ts';
import type { OpenStackConfig } from './config.ts';
import { findById, isThere } from './find-server.ts';
import type { OpenStackContext, OpenStackWorld } from './world.ts';

/** Waiting for a server. */

const intervalMaxMs = 10_000;

/** The address by which the machine is reached. Nova may be behind with a floating one, so that of the record counts, too. */
export function addressOf(server: Server, config: OpenStackConfig): string | undefined {
  if (config.floatingPool !== '') {
    const floating = server.addresses.find(({ isFloating }) => isFloating)?.address;
    return floating ?? (config.address === '' ? undefined : config.address);
  }
  return server.addresses.find(({ isFloating, version }) => !isFloating && version === config.ipVersion)
    ?.address;
}

/** Waits until it is ACTIVE. @throws MachineError `vm-start-failed` when it fails instead; `timeout`. */
export async function waitUntilActive(
  context: OpenStackContext,
  world: OpenStackWorld,
  isReached: (server: Server) => boolean = () => true,
): Promise<Server> {
  return waitUntil(context, world, {
    what: `the server of "${context.name}" to be active and have an address`,
    isReached: (server) => server.status === 'ACTIVE' && server.task === undefined && isReached(server),
  });
}

/** @throws MachineError `vm-start-failed` for a server that is gone or in ERROR; `timeout`. */
export async function waitUntil(
  context: OpenStackContext,
  { openstack }: OpenStackWorld,
  wanted: WantedState<Server>,
): Promise<Server> {
  const { serverId, activeTimeoutS } = context.config;
  const machine: ProviderMachine<Server> = {
    noun: `server ${serverId}`,
    provider: 'Nova',
    find: async () => findById(openstack, serverId),
    stateOf: ({ status, task }) => (task === undefined ? status : `${status} (${task})`),
    endOf,
    timeoutMs: activeTimeoutS * 1000,
    intervalMaxMs,
  };
  return waitForMachine(context, machine, wanted);
}

function endOf(server: Server): ReturnType<NonNullable<ProviderMachine<Server>['endOf']>> {
  if (!isThere(server)) {
    return { isIn: 'gone', why: 'It was deleted.' };
  }
  return server.status === 'ERROR' ? { isIn: 'in ERROR', why: server.fault } : undefined;
}
