import { listField } from '../../cloud/json-fields.ts';
import { waitForMachine, type ProviderMachine, type WantedState } from '../../cloud/wait-for-machine.ts';
import { MachineError } from '../../core/errors.ts';
import { waitFor, type WaitOptions } from '../../core/wait.ts';
import { actionOf, type Action, type Server } from './api/answers.ts';
import type { Hetzner } from './api/hetzner.ts';
import type { HetznerConfig } from './config.ts';
import { findById } from './servers.ts';
import type { HetznerContext, HetznerWorld } from './world.ts';

/** Waiting for servers, and for what Hetzner does in the background. */

const runningTimeoutMs = 10 * 60_000;
const actionTimeoutMs = 10 * 60_000;
const intervalMaxMs = 15_000;

/** The address by which the machine is reached. */
export function addressOf(server: Server, config: HetznerConfig): string | undefined {
  if (config.usesPrivateNetwork) {
    return server.privateAddresses[0];
  }
  return config.isIpv4Disabled ? server.ipv6 : (server.ipv4 ?? server.ipv6);
}

/** Bounds of every wait here. */
export function waitOptions(
  { host, signal, config }: Pick<HetznerContext, 'host' | 'signal' | 'config'>,
  what: string,
  timeoutMs: number,
): WaitOptions {
  const intervalMs = config.pollIntervalS * 1000;
  return {
    clock: host.clock,
    timeoutMs,
    intervalMs,
    intervalMaxMs: Math.max(intervalMs, intervalMaxMs),
    signal,
    code: 'timeout',
    what,
  };
}

/** Waits until it runs and has its address. @throws MachineError `vm-start-failed` when it is gone; `timeout`. */
export async function waitUntilRunning(context: HetznerContext, world: HetznerWorld): Promise<Server> {
  const { runningTimeoutS } = context.config;
  return waitUntil(context, world, {
    what: `the server of "${context.name}" to run and have an address`,
    isReached: (server) => server.status === 'running' && addressOf(server, context.config) !== undefined,
    timeoutMs: runningTimeoutS === 0 ? runningTimeoutMs : runningTimeoutS * 1000,
  });
}

/** @throws MachineError `vm-start-failed` for a server that is gone; `timeout`. */
export async function waitUntil(
  context: HetznerContext,
  { hetzner }: HetznerWorld,
  wanted: WantedState<Server>,
): Promise<Server> {
  const { serverId, pollIntervalS } = context.config;
  const machine: ProviderMachine<Server> = {
    noun: `server ${serverId}`,
    provider: 'Hetzner',
    find: async () => findById(hetzner, serverId),
    stateOf: ({ status }) => status,
    endOf: ({ status }) =>
      status === 'deleting' ? { isIn: 'gone', why: 'It is being deleted.' } : undefined,
    timeoutMs: runningTimeoutMs,
    intervalMs: pollIntervalS * 1000,
  };
  return waitForMachine(context, machine, wanted);
}

/** The actions of these ids, as far as they are known. */
export async function findActions(hetzner: Hetzner, ids: readonly number[]): Promise<readonly Action[]> {
  return hetzner.ask({ method: 'GET', path: '/actions', query: { id: ids.map(String) } }, (body) =>
    listField(body, 'actions').flatMap((action) => actionOf(action) ?? []),
  );
}

/** @throws MachineError `cloud-refused` for one that failed. */
export function requireNoFailure(actions: readonly Action[]): void {
  const failed = actions.find(({ status }) => status === 'error');
  if (failed !== undefined) {
    const { command, errorCode, errorMessage } = failed;
    const message = `Hetzner could not carry out ${command}: ${errorMessage === '' ? errorCode : errorMessage}`;
    throw new MachineError('cloud-refused', message, {
      why: `${errorCode}.`,
      facts: { cloudCode: errorCode },
    });
  }
}

/** Waits until all are done. @throws MachineError `cloud-refused` for one that failed; `timeout`. */
export async function waitForActions(
  context: HetznerContext,
  { hetzner }: HetznerWorld,
  ids: readonly number[],
): Promise<void> {
  if (ids.length === 0) {
    return;
  }
  await waitFor(
    async () => {
      const actions = await findActions(hetzner, ids);
      requireNoFailure(actions);
      return actions.filter(({ status }) => status === 'success').length === ids.length ? true : undefined;
    },
    waitOptions(context, `Hetzner to do what "${context.name}" needs`, actionTimeoutMs),
  );
}
