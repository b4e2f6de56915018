import { waitFor } from '../../core/wait.ts';
import type { DriverContext } from '../driver.ts';
import { powerOffInTime, stopLimits, type StopLimits } from '../power-off.ts';
import type { HyperVConfig } from './config.ts';
import { faultError, isGone } from './failures.ts';
import { findMachine } from './machine.ts';
import type { MachineFacts } from './output.ts';
import { isTimeout, openPowerShell, type PowerShell } from './powershell.ts';
import { resumeScript, shutDownScript, turnOffScript } from './scripts/power.ts';
import type { Script } from './scripts/script.ts';
import { powerOf } from './states.ts';

type StopContext = DriverContext<HyperVConfig>;

const pollMs = 1000;
const offTimeoutMs = 30_000;

/**
 * Asks the guest to power off and waits; one that does not in time is switched off. A saved machine is off, and keeps
 * what it saved.
 * @param limits for tests
 * @throws MachineError `vm-control-failed` when it does not end.
 */
export async function stopMachine(context: StopContext, limits: StopLimits = stopLimits): Promise<void> {
  const shell = await openPowerShell(context.host, context.signal);
  const found = await findMachine(shell, context);
  if (found === undefined || isOff(found)) {
    return;
  }
  await powerOffInTime(context, limits, {
    ask: async () => shutDown(context, shell, found, limits),
    switchOff: async () => turnOff(context, shell, found.id),
  });
}

/** Switches the machine off without asking its guest; what it saved is thrown away. @throws MachineError `vm-control-failed`. */
export async function killMachine(context: StopContext): Promise<void> {
  const shell = await openPowerShell(context.host, context.signal);
  const found = await findMachine(shell, context);
  if (found !== undefined) {
    await killFound(context, shell, found);
  }
}

/** The same for a machine that was just looked at. */
export async function killFound(
  context: StopContext,
  shell: PowerShell,
  machine: MachineFacts,
): Promise<void> {
  if (powerOf(machine.state) !== 'stopped') {
    await turnOff(context, shell, machine.id);
  }
}

function isOff({ state }: MachineFacts): boolean {
  return ['stopped', 'saved'].includes(powerOf(state));
}

/** True when the guest has powered off. What asks it waits for it, too, and is given up when time is over. */
async function shutDown(
  context: StopContext,
  shell: PowerShell,
  { id, state }: MachineFacts,
  limits: StopLimits,
): Promise<boolean> {
  const { clock } = context.host;
  if (powerOf(state) === 'paused') {
    // A paused guest would never hear it.
    await control(shell, resumeScript({ id }));
  }
  const deadlineMs = clock.monotonicMs() + limits.powerdownTimeoutMs;
  for (;;) {
    const timeoutMs = Math.max(1, deadlineMs - clock.monotonicMs());
    try {
      await shell.ask(shutDownScript({ id }), { timeoutMs });
    } catch (error) {
      if (!isTimeout(error)) {
        throw error;
      }
    }
    const found = await findMachine(shell, context);
    if (found === undefined || isOff(found)) {
      return true;
    }
    const leftMs = deadlineMs - clock.monotonicMs();
    if (leftMs <= 0) {
      return false;
    }
    await clock.sleep(Math.min(limits.repeatMs, leftMs), context.signal);
  }
}

async function turnOff(context: StopContext, shell: PowerShell, id: string): Promise<void> {
  await control(shell, turnOffScript({ id }));
  await waitFor(
    async () => {
      const found = await findMachine(shell, context);
      return found === undefined || powerOf(found.state) === 'stopped' ? true : undefined;
    },
    {
      clock: context.host.clock,
      timeoutMs: offTimeoutMs,
      intervalMs: pollMs,
      signal: context.signal,
      code: 'vm-control-failed',
      what: 'Hyper-V to switch the machine off',
    },
  );
}

/** A machine that is gone needs no more, and neither does one that has ended by itself in the meantime. */
async function control(shell: PowerShell, script: Script): Promise<void> {
  const { fault } = await shell.ask(script);
  if (fault !== undefined && !isGone(fault) && !fault.id.startsWith('InvalidState')) {
    throw faultError(fault, script.operation);
  }
}
