import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import type { DriverContext } from '../driver.ts';
import { powerOffInTime, stopLimits, type StopLimits } from '../power-off.ts';
import type { VirtualBoxConfig } from './config.ts';
import { findMachine, type Found } from './machine.ts';
import { powerOf } from './states.ts';
import { faultError, isNotFound, isNotRunning, openVBoxManage, type VBoxManage } from './vboxmanage.ts';

type StopContext = DriverContext<VirtualBoxConfig>;
type FoundMachine = Extract<Found, { readonly kind: 'machine' }>;

const pollMs = 500;
const offTimeoutMs = 30_000;

/**
 * Presses the power button and waits; a guest that does not power off in time is forced off. A saved machine is off, and
 * keeps what it saved.
 * @param limits for tests
 * @throws MachineError `vm-control-failed` when it does not end.
 */
export async function stopMachine(context: StopContext, limits: StopLimits = stopLimits): Promise<void> {
  const vbox = await openVBoxManage(context.host, context.signal);
  const found = await findMachine(vbox, context);
  if (found.kind !== 'machine' || isOff(found.info.state)) {
    return;
  }
  await powerOffInTime(context, limits, {
    ask: async () => powerDown(context, vbox, found, limits),
    switchOff: async () => powerOff(context, vbox, found.uuid),
  });
}

/** Switches the machine off without asking its guest; what it saved is thrown away. @throws MachineError `vm-control-failed`. */
export async function killMachine(context: StopContext): Promise<void> {
  const vbox = await openVBoxManage(context.host, context.signal);
  const found = await findMachine(vbox, context);
  if (found.kind === 'machine') {
    await killFound(context, vbox, found);
  }
}

/** The same for a machine that was just looked at. */
export async function killFound(context: StopContext, vbox: VBoxManage, found: FoundMachine): Promise<void> {
  const power = powerOf(found.info.state);
  if (power === 'saved') {
    await vbox.run(['discardstate', found.uuid]);
  } else if (power !== 'stopped') {
    await powerOff(context, vbox, found.uuid);
  }
}

function isOff(state: string): boolean {
  return ['stopped', 'saved'].includes(powerOf(state));
}

/** True when the guest has powered off. */
async function powerDown(
  context: StopContext,
  vbox: VBoxManage,
  { uuid, info }: FoundMachine,
  limits: StopLimits,
): Promise<boolean> {
  const { clock } = context.host;
  if (powerOf(info.state) === 'paused') {
    // A paused guest would never see the button.
    await control(vbox, uuid, 'resume');
  }
  const deadlineMs = clock.monotonicMs() + limits.powerdownTimeoutMs;
  for (;;) {
    await control(vbox, uuid, 'acpipowerbutton');
    const leftMs = deadlineMs - clock.monotonicMs();
    if (await isOffWithin(context, vbox, Math.min(limits.repeatMs, leftMs))) {
      return true;
    }
    if (clock.monotonicMs() >= deadlineMs) {
      return false;
    }
  }
}

async function powerOff(context: StopContext, vbox: VBoxManage, uuid: string): Promise<void> {
  await control(vbox, uuid, 'poweroff');
  await waitFor(async () => ((await isOffNow(context, vbox)) ? true : undefined), {
    clock: context.host.clock,
    timeoutMs: offTimeoutMs,
    intervalMs: pollMs,
    signal: context.signal,
    code: 'vm-control-failed',
    what: 'VirtualBox to switch the machine off',
  });
}

/** Machines that do not run need no more. */
async function control(vbox: VBoxManage, uuid: string, action: string): Promise<void> {
  const args = ['controlvm', uuid, action];
  const { fault } = await vbox.ask(args);
  if (fault !== undefined && !isNotRunning(fault) && !isNotFound(fault)) {
    throw faultError(args, fault);
  }
}

async function isOffNow(context: StopContext, vbox: VBoxManage): Promise<boolean> {
  const found = await findMachine(vbox, context);
  if (found.kind === 'inaccessible') {
    throw new MachineError('vm-control-failed', 'VirtualBox cannot read the settings of the machine.', {
      why: found.why,
    });
  }
  return found.kind === 'absent' || isOff(found.info.state);
}

async function isOffWithin(context: StopContext, vbox: VBoxManage, timeoutMs: number): Promise<boolean> {
  const { clock } = context.host;
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  for (;;) {
    if (await isOffNow(context, vbox)) {
      return true;
    }
    const leftMs = deadlineMs - clock.monotonicMs();
    if (leftMs <= 0) {
      return false;
    }
    await clock.sleep(Math.min(pollMs, leftMs), context.signal);
  }
}
