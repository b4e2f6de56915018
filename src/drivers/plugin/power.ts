import type { JsonObject } from '../../core/exact-json.ts';
import { waitFor } from '../../core/wait.ts';
import type { DriverContext, PowerState } from '../driver.ts';
import { asDriverError } from './connection.ts';
import type { PluginMachine } from './pool.ts';
import { powerFromState } from './states.ts';

type Context = DriverContext<JsonObject>;

/** A cloud may take minutes to start or remove a server. */
const commandTimeoutMs = 1_800_000;
const stateTimeoutMs = 180_000;
const stateIntervalMs = 100;
const stateIntervalMaxMs = 3000;
const off: readonly PowerState[] = ['stopped', 'absent', 'saved'];

/** What the driver says of the machine. @throws MachineError `driver-error`, `plugin-failed`. */
export async function powerOf(context: Context, machine: PluginMachine): Promise<PowerState> {
  try {
    return powerFromState(await machine.ask(context, 'GetState'));
  } catch (error) {
    throw asDriverError(error);
  }
}

/** Many drivers come back before what was asked for has happened. @throws MachineError `vm-control-failed`. */
export async function waitForPower(
  context: Context,
  machine: PluginMachine,
  wanted: readonly PowerState[],
): Promise<void> {
  await waitFor(async () => (wanted.includes(await powerOf(context, machine)) ? true : undefined), {
    clock: context.host.clock,
    signal: context.signal,
    timeoutMs: stateTimeoutMs,
    intervalMs: stateIntervalMs,
    intervalMaxMs: stateIntervalMaxMs,
    code: 'vm-control-failed',
    what: `the machine "${context.name}" to be ${wanted[0] ?? ''}`,
  });
}

export async function start(context: Context, machine: PluginMachine): Promise<void> {
  context.signal.throwIfAborted();
  if ((await powerOf(context, machine)) !== 'running') {
    await change(context, machine, 'Start', ['running']);
  }
}

export async function stop(context: Context, machine: PluginMachine): Promise<void> {
  if (!off.includes(await powerOf(context, machine))) {
    await change(context, machine, 'Stop', off);
  }
}

export async function kill(context: Context, machine: PluginMachine): Promise<void> {
  if (!off.includes(await powerOf(context, machine))) {
    await change(context, machine, 'Kill', off);
  }
}

export async function restart(context: Context, machine: PluginMachine): Promise<void> {
  await change(context, machine, 'Restart', ['running']);
}

/** @throws MachineError `driver-error` with the driver's own text. */
export async function remove(context: Context, machine: PluginMachine): Promise<void> {
  if (machine.isRemoved) {
    return;
  }
  try {
    await machine.command(context, 'Remove', commandTimeoutMs);
  } catch (error) {
    throw asDriverError(error);
  }
  machine.isRemoved = true;
}

async function change(
  context: Context,
  machine: PluginMachine,
  method: 'Start' | 'Stop' | 'Kill' | 'Restart',
  wanted: readonly PowerState[],
): Promise<void> {
  try {
    await machine.command(context, method, commandTimeoutMs);
    await waitForPower(context, machine, wanted);
    // Addresses and the like may be others now.
    await context.save(await machine.configuration(context));
  } catch (error) {
    throw asDriverError(error);
  }
}
