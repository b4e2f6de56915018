import { isMachineError, systemCode } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import type { DriverContext } from '../driver.ts';
import { powerOffInTime, stopLimits, type StopLimits } from '../power-off.ts';
import type { VzConfig } from './config.ts';
import { isGone, powerNow } from './inspect.ts';
import { findProcess, vzFiles } from './machine.ts';
import { sendCommand, type VzCommand } from './rest.ts';

type StopContext = DriverContext<VzConfig>;

const hardStopTimeoutMs = 5_000;
const endTimeoutMs = 10_000;
const pollMs = 250;

/**
 * Asks the guest to power off and waits; one that does not in time is switched off.
 * @param limits for tests
 * @throws MachineError `vm-control-failed` when it does not end.
 */
export async function stopMachine(
  context: StopContext,
  limits: Pick<StopLimits, 'powerdownTimeoutMs'> = stopLimits,
): Promise<void> {
  if (await isGone(context)) {
    return;
  }
  if ((await powerNow(context)) === 'paused') {
    // A paused guest would never see the button.
    await command(context, 'Resume');
  }
  await powerOffInTime(context, limits, {
    ask: async () => {
      await command(context, 'Stop');
      return endsWithin(context, limits.powerdownTimeoutMs);
    },
    switchOff: async () => killMachine(context),
  });
}

/** Switches the machine off without asking its guest. Nothing there is fine. @throws MachineError `vm-control-failed`. */
export async function killMachine(context: StopContext): Promise<void> {
  const { host } = context;
  if (await isGone(context)) {
    return;
  }
  const process = await findProcess(context);
  await command(context, 'HardStop');
  if (!(await endsWithin(context, hardStopTimeoutMs)) && process !== undefined) {
    await host.processes.signal(process, 'SIGKILL');
  }
  await waitFor(async () => ((await isGone(context)) ? true : undefined), {
    clock: host.clock,
    timeoutMs: endTimeoutMs,
    intervalMs: pollMs,
    signal: context.signal,
    code: 'vm-control-failed',
    what: 'vfkit to end',
  });
}

/** What vfkit does not take, or cannot be told any more, shows in whether it ends. */
async function command(context: StopContext, state: VzCommand): Promise<void> {
  const { host, signal } = context;
  try {
    await sendCommand(host, vzFiles(context).socket, { state, signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!isMachineError(error) && systemCode(error) === undefined) {
      throw error;
    }
  }
}

async function endsWithin(context: StopContext, timeoutMs: number): Promise<boolean> {
  const { clock } = context.host;
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  while (!(await isGone(context))) {
    const leftMs = deadlineMs - clock.monotonicMs();
    if (leftMs <= 0) {
      return false;
    }
    await clock.sleep(Math.min(pollMs, leftMs), context.signal);
  }
  return true;
}
