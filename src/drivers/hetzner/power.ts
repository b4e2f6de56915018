import { isMachineError, MachineError } from '../../core/errors.ts';
import type { Server } from './api/answers.ts';
import { act, findById } from './servers.ts';
import { addressOf, waitForActions, waitUntil, waitUntilRunning } from './wait-server.ts';
import { openWorld, type HetznerContext, type HetznerWorld } from './world.ts';

/** Starting and stopping. "Already so" is success. */

const stopTimeoutMs = 5 * 60_000;

/** Starts the server and returns when it runs and has an address. */
export async function startServer(context: HetznerContext): Promise<void> {
  const { config, signal, save } = context;
  signal.throwIfAborted();
  requireServer(context);
  const world = await openWorld(context);
  const present = await waitUntil(context, world, {
    what: `the server of "${context.name}" to be known`,
    isReached: ({ status }) => status !== 'stopping',
  });
  if (present.status === 'off') {
    const action = await act(world.hetzner, config.serverId, 'poweron');
    await waitForActions(context, world, [action.id]);
  }
  const isUp = present.status === 'running' && addressOf(present, config) !== undefined;
  const running = isUp ? present : await waitUntilRunning(context, world);
  await save({ IPAddress: addressOf(running, config) ?? '' });
}

/** Asks the guest to shut down; after five minutes the power is taken. */
export async function stopServer(context: HetznerContext): Promise<void> {
  const world = await openWorld(context);
  if ((await settled(context, world)) === undefined) {
    return;
  }
  // The action is done when the guest has been asked; the state of the server tells what it did.
  await act(world.hetzner, context.config.serverId, 'shutdown');
  try {
    await waitUntilOff(context, world);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isMachineError(error) || error.code !== 'timeout') {
      throw error;
    }
    await powerOff(context, world);
  }
}

/** Takes the power. */
export async function killServer(context: HetznerContext): Promise<void> {
  const world = await openWorld(context);
  if ((await settled(context, world)) !== undefined) {
    await powerOff(context, world);
  }
}

/** Restarts the guest, or starts a server that does not run. */
export async function restartServer(context: HetznerContext): Promise<void> {
  requireServer(context);
  const world = await openWorld(context);
  const present = await findById(world.hetzner, context.config.serverId);
  if (present?.status === 'running') {
    const action = await act(world.hetzner, context.config.serverId, 'reboot');
    await waitForActions(context, world, [action.id]);
    return;
  }
  await startServer(context);
}

/** The server in a state in which it can be stopped; undefined when there is nothing to stop. */
async function settled(context: HetznerContext, world: HetznerWorld): Promise<Server | undefined> {
  const { config } = context;
  const present = config.serverId === 0 ? undefined : await findById(world.hetzner, config.serverId);
  if (present === undefined || present.status === 'off' || present.status === 'deleting') {
    return undefined;
  }
  return ['initializing', 'starting'].includes(present.status) ? waitUntilRunning(context, world) : present;
}

async function powerOff(context: HetznerContext, world: HetznerWorld): Promise<void> {
  const action = await act(world.hetzner, context.config.serverId, 'poweroff');
  await waitForActions(context, world, [action.id]);
  await waitUntilOff(context, world);
}

async function waitUntilOff(context: HetznerContext, world: HetznerWorld): Promise<void> {
  await waitUntil(context, world, {
    what: `the server of "${context.name}" to stop`,
    isReached: ({ status }) => status === 'off',
    timeoutMs: stopTimeoutMs,
  });
}

function requireServer({ config, name }: HetznerContext): void {
  if (config.serverId === 0) {
    throw new MachineError('vm-start-failed', `The machine "${name}" has no server.`, {
      remedies: [`tsmachine create --resume ${name}`, `tsmachine rm ${name}`],
    });
  }
}
