import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import { writeConfigDisk } from '../config-disk.ts';
import type { DriverContext } from '../driver.ts';
import {
  followUntilReady,
  isReady,
  keepConsole,
  rarely,
  reportMark,
  type StartLimits,
} from '../follow-guest.ts';
import type { GuestMark } from '../guest-phases.ts';
import { ensureIso } from '../own-iso.ts';
import { greetsAsSsh } from '../ssh-banner.ts';
import { addressOf, isUsable } from './address.ts';
import type { HyperVConfig } from './config.ts';
import { copyConsole } from './console.ts';
import { growDisk } from './disk.ts';
import { faultError, hypervisorRemedies } from './failures.ts';
import { configureMachine, consolePipe, needsChange } from './hardware.ts';
import { sshPort } from './inspect.ts';
import { findMachine, machineFiles, requireMachine } from './machine.ts';
import { addressesOf, hostFactsOf, type MachineFacts } from './output.ts';
import { openPowerShell, type PowerShell } from './powershell.ts';
import { hostScript } from './scripts/host.ts';
import { resolveScript } from './scripts/machine.ts';
import { resumeScript, startScript } from './scripts/power.ts';
import { detailOf, powerOf } from './states.ts';

type StartContext = DriverContext<HyperVConfig>;

/** A computer that is busy, or a guest that formats a large disk, takes minutes. */
const startLimits: StartLimits = { firstMarkTimeoutMs: 120_000, readyTimeoutMs: 300_000 };

/** A machine that is on its way somewhere else gets there within this time. */
const settleTimeoutMs = 60_000;
const settlePauseMs = 1000;
/** Asking for the state costs a process of a second, so not at every look at the console. */
const probeEveryMs = 3000;
/** A guest that is ready has an address; how long it may take until this computer knows it. */
const addressTimeoutMs = 60_000;
const addressPauseMs = 1000;

/**
 * Starts the machine and returns when its guest says that it is ready and its address is known. One that runs is waited
 * for in the same way, one that is paused or saved goes on.
 * @param limits for tests
 * @throws MachineError `guest-failed`, `vm-boot-timeout`, `vm-start-failed`, `host-not-ready`, `vm-control-failed`,
 *   `program-missing`.
 */
export async function startMachine(context: StartContext, limits: StartLimits = startLimits): Promise<void> {
  const shell = await openPowerShell(context.host, context.signal);
  const machine = await settled(context, shell);
  const console = copyConsole(context, consolePipe(machine.id), machineFiles(context).console);
  try {
    const told = await startFound(context, shell, machine, limits);
    await findAddress(context, shell, told);
  } finally {
    await console.close();
  }
}

/** Returns the address that the guest told, if it did. */
async function startFound(
  context: StartContext,
  shell: PowerShell,
  machine: MachineFacts,
  limits: StartLimits,
): Promise<string | undefined> {
  const { id } = machine;
  switch (powerOf(machine.state)) {
    case 'running':
    case 'starting':
      break;
    case 'paused':
      await shell.run(resumeScript({ id }));
      break;
    case 'saved':
      await keepConsole(context.host, machineFiles(context));
      await powerOn(shell, id, []);
      break;
    case 'stopped':
      await startFromDisk(context, shell, machine);
      return waitUntilReady(context, shell, limits);
    default:
      throw new MachineError(
        'vm-start-failed',
        'The machine cannot be started in the state in which it is.',
        {
          why: detailOf(machine.state) ?? `Hyper-V says that the state is ${machine.state}`,
          remedies: [`tsmachine kill ${context.name}`],
        },
      );
  }
  const { console } = machineFiles(context);
  return (await isReady(context.host, console)) ? undefined : waitUntilReady(context, shell, limits);
}

/** The machine once it is in a state that lasts. */
async function settled(context: StartContext, shell: PowerShell): Promise<MachineFacts> {
  return waitFor(
    async () => {
      const found = await requireMachine(shell, context);
      return powerOf(found.state) === 'stopping' ? undefined : found;
    },
    {
      clock: context.host.clock,
      timeoutMs: settleTimeoutMs,
      intervalMs: settlePauseMs,
      signal: context.signal,
      code: 'vm-control-failed',
      what: 'the machine to power off, which it was about to do',
    },
  );
}

async function startFromDisk(context: StartContext, shell: PowerShell, machine: MachineFacts): Promise<void> {
  const { host, config } = context;
  const files = machineFiles(context);
  // A machine of docker-machine has another disk, and stays as it is.
  const isOurs = (await host.files.stat(files.disk)) !== undefined;
  if (isOurs) {
    await ensureIso(context, files.iso);
    await growDisk(context, machine);
    if (needsChange(config, machine)) {
      await configureMachine(context, shell, machine.id);
    } else {
      await writeConfigDisk(host, files.config, context.boot?.guestFiles ?? []);
    }
  }
  await keepConsole(host, files);
  await powerOn(shell, machine.id, isOurs ? [files.iso, files.config] : []);
}

async function powerOn(shell: PowerShell, id: string, media: readonly string[]): Promise<void> {
  const { fault } = await shell.ask(startScript({ id, media }));
  if (fault === undefined) {
    return;
  }
  const error = faultError(fault, 'start');
  if (error.facts['known'] === true) {
    throw error;
  }
  // What is missing below Windows has no number of its own.
  const { hasHypervisor } = hostFactsOf(await shell.run(hostScript()));
  throw hasHypervisor
    ? error
    : new MachineError('host-not-ready', 'The hypervisor of Windows is not running.', {
        why: error.why ?? '',
        remedies: hypervisorRemedies,
        cause: error,
      });
}

async function waitUntilReady(
  context: StartContext,
  shell: PowerShell,
  limits: StartLimits,
): Promise<string | undefined> {
  const { host, signal } = context;
  const [everyWhile, everyOther] = [rarely(host.clock, probeEveryMs), rarely(host.clock, probeEveryMs)];
  let latest: MachineFacts | undefined;
  let told: string | undefined;
  await followUntilReady({
    host,
    consolePath: machineFiles(context).console,
    limits,
    signal,
    onMark: (mark) => {
      reportMark(context, mark);
      told = mark.phase === 'ready' ? mark.detail?.split(' ').find(isUsable) : told;
    },
    hasEnded: () =>
      everyWhile(async () => {
        latest = await findMachine(shell, context);
        return latest === undefined || !['running', 'starting', 'paused'].includes(powerOf(latest.state));
      }),
    endedError: async (last) => endedError(context, last),
    isReadyInSilence: () =>
      everyOther(async () => {
        const address = latest === undefined ? undefined : addressOf(latest);
        return address !== undefined && (await greetsAsSsh(context, { host: address, port: sshPort }));
      }),
  });
  return told;
}

function endedError({ config }: StartContext, last: GuestMark | undefined): MachineError {
  const where =
    last === undefined ? 'before its kernel gave a sign of life' : `after the phase "${last.phase}"`;
  return new MachineError(
    'vm-start-failed',
    `The machine powered off or crashed while it started, ${where}.`,
    last === undefined && config.secureBoot
      ? {
          remedies: [
            'See what it shows: vmconnect localhost NAME. If its firmware refuses the image, create it with --hyperv-secure-boot=false.',
          ],
        }
      : {},
  );
}

/**
 * Waits until the address of the machine is known and writes it down: by the guest, by this computer's neighbours, by what
 * the guest told on its console, and last by the name server of the Default Switch.
 */
async function findAddress(
  context: StartContext,
  shell: PowerShell,
  told: string | undefined,
): Promise<void> {
  const { name, host, signal, config } = context;
  const address = await waitFor(
    async () => {
      const found = addressOf(await requireMachine(shell, context)) ?? told;
      return found ?? addressesOf(await shell.run(resolveScript({ name }))).find(isUsable);
    },
    {
      clock: host.clock,
      timeoutMs: addressTimeoutMs,
      intervalMs: addressPauseMs,
      signal,
      code: 'vm-boot-timeout',
      what: 'the address of the machine',
      hint: () =>
        'It runs, but has got no IPv4 address on its virtual switch: look at the DHCP server of that network, or at a VPN.',
    },
  );
  if (address !== config.lastAddress) {
    await context.save({ IPAddress: address });
  }
}
