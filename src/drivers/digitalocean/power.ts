import { cloudStatus } from '../../cloud/json-api.ts';
import { isMachineError, MachineError, messageOf } from '../../core/errors.ts';
import { actionOf, type Droplet } from './answers.ts';
import { findById } from './find-droplet.ts';
import { addressOf, waitUntil } from './wait-droplet.ts';
import { openWorld, type DropletContext, type DropletWorld } from './world.ts';

/** Starting and stopping by actions, which take their time and of which a droplet takes one at once. */

const stopTimeoutMs = 5 * 60_000;

/** Status of a droplet without power. */
export function isOff({ status }: Pick<Droplet, 'status'>): boolean {
  return status === 'off' || status === 'archive';
}

/** Starts the droplet and returns when it runs and has an address. */
export async function startDroplet(context: DropletContext): Promise<void> {
  context.signal.throwIfAborted();
  requireDroplet(context);
  const world = await openWorld(context);
  const running = await act(context, world, {
    type: 'power_on',
    from: isOff,
    isReached: (droplet) => droplet.status === 'active' && addressOf(droplet, world.state) !== undefined,
    what: `the droplet of "${context.name}" to run and have an address`,
  });
  await context.save({
    IPAddress: addressOf(running, world.state) ?? '',
    PrivateIPAddress: running.privateAddress ?? '',
  });
}

/** Asks the guest to shut down; after five minutes the power is taken. */
export async function stopDroplet(context: DropletContext): Promise<void> {
  const world = await openWorld(context);
  if (!(await canBeStopped(context, world))) {
    return;
  }
  try {
    await turnOff(context, world, 'shutdown');
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isMachineError(error) || !['timeout', 'vm-control-failed'].includes(error.code)) {
      throw error;
    }
    await turnOff(context, world, 'power_off');
  }
}

/** Takes the power. */
export async function killDroplet(context: DropletContext): Promise<void> {
  const world = await openWorld(context);
  if (await canBeStopped(context, world)) {
    await turnOff(context, world, 'power_off');
  }
}

/** Restarts the guest, or starts a droplet that does not run. */
export async function restartDroplet(context: DropletContext): Promise<void> {
  requireDroplet(context);
  const world = await openWorld(context);
  const present = await findById(world.api, context.config.dropletId);
  if (present?.status !== 'active') {
    await startDroplet(context);
    return;
  }
  const restart = async (type: 'reboot' | 'power_cycle'): Promise<void> => {
    await act(context, world, {
      type,
      from: ({ status }) => status === 'active',
      isReached: (_, isDone) => isDone,
      what: `the droplet of "${context.name}" to restart`,
      timeoutMs: stopTimeoutMs,
    });
  };
  try {
    await restart('reboot');
  } catch (error) {
    if (!isMachineError(error) || error.code !== 'vm-control-failed') {
      throw error;
    }
    // A guest that does not answer to it.
    await restart('power_cycle');
  }
}

async function turnOff(
  context: DropletContext,
  world: DropletWorld,
  type: 'shutdown' | 'power_off',
): Promise<void> {
  await act(context, world, {
    type,
    from: ({ status }) => status === 'active',
    isReached: isOff,
    what: `the droplet of "${context.name}" to stop`,
    timeoutMs: stopTimeoutMs,
  });
}

interface Act {
  readonly type: 'power_on' | 'shutdown' | 'power_off' | 'reboot' | 'power_cycle';
  /** Only then the action is asked for. */
  readonly from: (droplet: Droplet) => boolean;
  readonly isReached: (droplet: Droplet, isDone: boolean) => boolean;
  readonly what: string;
  readonly timeoutMs?: number;
}

/**
 * Asks for an action as soon as the droplet takes one, and waits until its end is reached.
 * @throws MachineError `vm-control-failed` when the action fails; `timeout`, `vm-start-failed`.
 */
async function act(context: DropletContext, world: DropletWorld, wanted: Act): Promise<Droplet> {
  const { type, from, isReached, what, timeoutMs } = wanted;
  const progress = { actionId: 0, isDone: false, refusal: '' };
  return waitUntil(context, world, {
    what,
    hint: () => progress.refusal,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    isReached: async (droplet) => {
      if (isReached(droplet, progress.isDone)) {
        return true;
      }
      if (progress.actionId === 0) {
        if (!droplet.isLocked && from(droplet)) {
          Object.assign(progress, await ask(world, droplet.id, type));
        }
        return false;
      }
      if (!progress.isDone) {
        progress.isDone = await isCompleted(context, world, { type, actionId: progress.actionId });
        return isReached(droplet, progress.isDone);
      }
      return false;
    },
  });
}

/** The action's id, or why the droplet takes none now: another one is under way, or it is so already. */
async function ask(
  { api }: DropletWorld,
  dropletId: number,
  type: string,
): Promise<{ readonly actionId: number } | { readonly refusal: string }> {
  const path = `/droplets/${dropletId}/actions`;
  try {
    // Twice is as good as once.
    const request = { method: 'POST', path, body: { type }, isRepeatable: true } as const;
    return { actionId: (await api.one(request, 'action', actionOf)).id };
  } catch (error) {
    if (cloudStatus(error) !== 422) {
      throw error;
    }
    return { refusal: messageOf(error) };
  }
}

async function isCompleted(
  { config, name }: DropletContext,
  { api }: DropletWorld,
  { type, actionId }: { readonly type: string; readonly actionId: number },
): Promise<boolean> {
  const path = `/droplets/${config.dropletId}/actions/${actionId}`;
  const { status } = await api.one({ method: 'GET', path }, 'action', actionOf);
  if (status === 'errored') {
    throw new MachineError('vm-control-failed', `DigitalOcean could not carry out ${type} for "${name}".`, {
      why: `The action ${actionId} of the droplet ${config.dropletId} ended with an error.`,
    });
  }
  return status === 'completed';
}

/** False when there is nothing to stop: no droplet, or one that is off. */
async function canBeStopped({ config }: DropletContext, { api }: DropletWorld): Promise<boolean> {
  const present = config.dropletId === 0 ? undefined : await findById(api, config.dropletId);
  return present !== undefined && !isOff(present);
}

function requireDroplet({ config, name }: DropletContext): void {
  if (config.dropletId === 0) {
    throw new MachineError('vm-start-failed', `The machine "${name}" has no droplet.`, {
      remedies: [`tsmachine create --resume ${name}`, `tsmachine rm ${name}`],
    });
  }
}
