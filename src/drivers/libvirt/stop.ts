import { waitFor } from '../../core/wait.ts';
import type { DriverContext } from '../driver.ts';
import { powerOffInTime, stopLimits, type StopLimits } from '../power-off.ts';
import type { LibvirtConfig } from './config.ts';
import { controlDomain, findDomain, requireOwn, type Domain } from './domain.ts';
import { powerOf } from './states.ts';
import { openVirsh, type Virsh } from './virsh.ts';

type StopContext = DriverContext<LibvirtConfig>;

const pollMs = 250;
const offTimeoutMs = 30_000;

/**
 * Presses the power button and waits; a guest that does not power off in time is forced off. A saved machine is off, and
 * keeps what it saved.
 * @param limits for tests
 * @throws MachineError `vm-control-failed` when it does not end, `record-invalid`, `program-missing`.
 */
export async function stopMachine(context: StopContext, limits: StopLimits = stopLimits): Promise<void> {
  const found = await findOwn(context);
  if (found === undefined || isOff(found.domain)) {
    return;
  }
  const { virsh, domain } = found;
  await powerOffInTime(context, limits, {
    ask: async () => powerDown(context, virsh, { domain, limits }),
    switchOff: async () => powerOff(context, virsh),
  });
}

/** Switches the machine off without asking its guest; what it saved is thrown away. @throws MachineError `vm-control-failed`. */
export async function killMachine(context: StopContext): Promise<void> {
  const found = await findOwn(context);
  if (found !== undefined) {
    await killFound(context, found.virsh, found.domain);
  }
}

/** The same for a domain that was just looked at. */
export async function killFound(context: StopContext, virsh: Virsh, domain: Domain): Promise<void> {
  const power = powerOf(domain.state);
  if (power === 'saved') {
    await virsh.run(['managedsave-remove', context.config.uuid]);
  } else if (power !== 'stopped') {
    await powerOff(context, virsh);
  }
}

async function findOwn(
  context: StopContext,
): Promise<{ readonly virsh: Virsh; readonly domain: Domain } | undefined> {
  if (context.config.uuid === '') {
    return undefined;
  }
  const virsh = await openVirsh(context.host, context.config.uri, context.signal);
  const domain = await findDomain(virsh, context);
  if (domain === undefined) {
    return undefined;
  }
  requireOwn(context, domain);
  return { virsh, domain };
}

function isOff(domain: Domain | undefined): boolean {
  return domain === undefined || ['stopped', 'saved'].includes(powerOf(domain.state));
}

/** True when the guest has powered off. */
async function powerDown(
  context: StopContext,
  virsh: Virsh,
  { domain, limits }: { readonly domain: Domain; readonly limits: StopLimits },
): Promise<boolean> {
  const { clock } = context.host;
  const { uuid } = context.config;
  if (powerOf(domain.state) === 'paused') {
    // A paused guest would never see the button.
    await controlDomain(virsh, ['resume', uuid]);
  }
  const deadlineMs = clock.monotonicMs() + limits.powerdownTimeoutMs;
  for (;;) {
    await controlDomain(virsh, ['shutdown', uuid, '--mode', 'acpi']);
    const leftMs = deadlineMs - clock.monotonicMs();
    if (await isOffWithin(context, virsh, Math.min(limits.repeatMs, leftMs))) {
      return true;
    }
    if (clock.monotonicMs() >= deadlineMs) {
      return false;
    }
  }
}

async function powerOff(context: StopContext, virsh: Virsh): Promise<void> {
  await controlDomain(virsh, ['destroy', context.config.uuid]);
  await waitFor(async () => (isOff(await findDomain(virsh, context)) ? true : undefined), {
    clock: context.host.clock,
    timeoutMs: offTimeoutMs,
    intervalMs: pollMs,
    signal: context.signal,
    code: 'vm-control-failed',
    what: 'libvirt to switch the machine off',
  });
}

async function isOffWithin(context: StopContext, virsh: Virsh, timeoutMs: number): Promise<boolean> {
  const { clock } = context.host;
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  for (;;) {
    if (isOff(await findDomain(virsh, context))) {
      return true;
    }
    const leftMs = deadlineMs - clock.monotonicMs();
    if (leftMs <= 0) {
      return false;
    }
    await clock.sleep(Math.min(pollMs, leftMs), context.signal);
  }
}
