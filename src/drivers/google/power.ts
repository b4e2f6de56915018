import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import type { Instance } from './api/answers.ts';
import { findDisk, findInstance, instancePath } from './find-instance.ts';
import { addressOf, isOff } from './inspect.ts';
import { makeInstance } from './make-instance.ts';
import { openWorld, type GoogleContext, type GoogleWorld } from './world.ts';

/** Starting and stopping. "Already so" is success. */

const stateTimeoutMs = 10 * 60_000;
const intervalMs = 2_000;
const intervalMaxMs = 10_000;
const restartTimeoutMs = 30_000;

/** Starts the instance and returns when it runs and has an address, which is another one after every stop. */
export async function startInstance(context: GoogleContext): Promise<void> {
  const { signal, config, name } = context;
  signal.throwIfAborted();
  const world = await openWorld(context);
  const present = await settled(context, world, ['STOPPING', 'SUSPENDING', 'DEPROVISIONING']);
  if (present === undefined) {
    await remake(context, world);
  } else if (isOff(present.status)) {
    const action = present.status === 'SUSPENDED' ? 'resume' : 'start';
    await world.google.change({ method: 'POST', path: `${instancePath(config, name)}/${action}` });
  }
  await context.save({ IPAddress: await waitUntilRunning(context, world) });
}

/**
 * An instance that is gone is made again on its disk, as docker-machine does.
 * @throws MachineError `vm-start-failed` when there is none.
 */
async function remake(context: GoogleContext, world: GoogleWorld): Promise<void> {
  const { name, config, emit } = context;
  const { google, provider } = world;
  if (config.isExisting || (await findDisk(google, config, name)) === undefined) {
    throw new MachineError('vm-start-failed', `The machine "${name}" has no instance.`, {
      why: `Google knows neither an instance nor a disk of it in ${config.zone}.`,
      remedies: [`tsmachine create --resume ${name}`, `tsmachine rm ${name}`],
    });
  }
  const message = `The instance of "${name}" is gone; its disk is there, and an instance is made for it.`;
  emit({ type: 'warn', machine: name, message });
  await provider.saveState({ requestId: '', instanceId: '' });
  await makeInstance(context, await openWorld(context));
}

/** Asks the guest to shut down; Google takes the power after a while. */
export async function stopInstance(context: GoogleContext): Promise<void> {
  const world = await openWorld(context);
  const { config, name } = context;
  const present = await settled(context, world, [
    'PROVISIONING',
    'STAGING',
    'REPAIRING',
    'STOPPING',
    'SUSPENDING',
  ]);
  if (present !== undefined && !isOff(present.status)) {
    await world.google.change({ method: 'POST', path: `${instancePath(config, name)}/stop` });
    await settled(context, world, ['STOPPING', 'RUNNING']);
  }
}

/**
 * Restarts the guest by its own means, which keeps its address; one that cannot be asked is reset. An instance that does
 * not run is started.
 */
export async function restartInstance(context: GoogleContext): Promise<void> {
  const { config, name, runRemote, signal } = context;
  const world = await openWorld(context);
  const present = await findInstance(world.google, config, name);
  if (present?.status !== 'RUNNING') {
    await startInstance(context);
    return;
  }
  const command = `sh -c 'if [ "$(id -u)" = 0 ]; then shutdown -r now; else sudo -n shutdown -r now; fi'`;
  try {
    const end = await runRemote?.(command, { timeoutMs: restartTimeoutMs });
    if (end !== undefined && (end.exitCode ?? 0) === 0) {
      return;
    }
  } catch {
    signal.throwIfAborted();
  }
  await world.google.change({ method: 'POST', path: `${instancePath(config, name)}/reset` });
}

/** The instance, when it is in none of the passing states any more; undefined when there is none. */
async function settled(
  { config, name, host, signal }: GoogleContext,
  { google }: GoogleWorld,
  passing: readonly string[],
): Promise<Instance | undefined> {
  let last = '';
  const found = await waitFor(
    async () => {
      const instance = await findInstance(google, config, name);
      last = instance?.status ?? '';
      return passing.includes(last) ? undefined : { instance };
    },
    {
      clock: host.clock,
      timeoutMs: stateTimeoutMs,
      intervalMs,
      intervalMaxMs,
      signal,
      code: 'timeout',
      what: `the instance of "${name}" to come to rest`,
      hint: () => `It is ${last}.`,
    },
  );
  return found.instance;
}

/** @returns the address. @throws MachineError `vm-start-failed` when it ends instead; `timeout`. */
async function waitUntilRunning(
  { config, name, host, signal }: GoogleContext,
  { google }: GoogleWorld,
): Promise<string> {
  let last = 'not known yet';
  return waitFor(
    async () => {
      const instance = await findInstance(google, config, name);
      if (instance === undefined || isOff(instance.status)) {
        throw new MachineError('vm-start-failed', `The instance of "${name}" does not run.`, {
          why: instance === undefined ? 'Google does not know it any more.' : describe(instance),
          remedies: [`tsmachine start ${name}`, `tsmachine rm ${name}`],
        });
      }
      last = instance.status;
      return instance.status === 'RUNNING' ? addressOf(instance, config) : undefined;
    },
    {
      clock: host.clock,
      timeoutMs: stateTimeoutMs,
      intervalMs,
      intervalMaxMs,
      signal,
      code: 'timeout',
      what: `the instance of "${name}" to run and have an address`,
      hint: () => `It is ${last}.`,
    },
  );
}

function describe({ status, statusMessage }: Instance): string {
  return `It is ${status}${statusMessage === undefined ? '' : `: ${statusMessage}`}.`;
}
