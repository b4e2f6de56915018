import { isMachineError, MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import { forgetVerdicts } from '../accelerator-cache.ts';
import type { DriverContext } from '../driver.ts';
import { followUntilReady, isReady, rarely, reportMark, type StartLimits } from '../follow-guest.ts';
import type { GuestMark } from '../guest-phases.ts';
import { growRawDisk } from '../raw-disk.ts';
import { hostPortOf } from '../usernet.ts';
import { newUuid } from '../uuid.ts';
import type { LibvirtConfig } from './config.ts';
import { chooseAccelerator, defineDomain } from './define.ts';
import { domainFiles, findDomain, requireOwn, type Domain } from './domain.ts';
import { processors } from './domain-xml.ts';
import { startFailure } from './failures.ts';
import { isActive, isPortTaken } from './output.ts';
import { detailOf, powerOf } from './states.ts';
import { killMachine } from './stop.ts';
import { openVirsh, type Virsh } from './virsh.ts';

type StartContext = DriverContext<LibvirtConfig>;

/** Under emulation on a busy computer a start takes minutes. */
const startLimits: StartLimits = { firstMarkTimeoutMs: 90_000, readyTimeoutMs: 300_000 };
/** A machine that is on its way somewhere else gets there within this time. */
const settleTimeoutMs = 60_000;
const settlePauseMs = 500;
/** Asking for the state costs a process, so not at every look at the console. */
const probeEveryMs = 2000;

/**
 * Starts the machine and returns when its guest says that it is ready. One that runs is waited for in the same way, one
 * that is paused or saved goes on.
 * @param limits for tests
 * @throws MachineError `guest-failed`, `vm-boot-timeout`, `vm-start-failed`, `host-not-ready`, `vm-control-failed`,
 *   `program-missing`, `disk-unsafe`, `record-invalid`.
 */
export async function startMachine(context: StartContext, limits: StartLimits = startLimits): Promise<void> {
  const virsh = await openVirsh(context.host, context.config.uri, context.signal);
  const domain = await settled(context, virsh);
  const { uuid } = context.config;
  // A domain that somebody has taken out of libvirt is defined anew: all that it consists of is here.
  const power = domain === undefined ? 'stopped' : powerOf(domain.state);
  switch (power) {
    case 'running':
    case 'starting':
      break;
    case 'paused':
      await virsh.run([domain?.state.state === 'pmsuspended' ? 'dompmwakeup' : 'resume', uuid]);
      break;
    case 'saved':
      await startDomain(context, virsh);
      break;
    case 'stopped':
      await startFromDisk(context, virsh, limits);
      return;
    default:
      throw new MachineError(
        'vm-start-failed',
        'The machine cannot be started in the state in which it is.',
        {
          why: domain === undefined ? '' : (detailOf(domain.state) ?? domain.state.state),
          remedies: [`tsmachine kill ${context.name}`],
        },
      );
  }
  if (!(await isReady(context.host, domainFiles(context).console))) {
    await waitUntilReady(context, virsh, limits);
  }
  await keepPorts(context, virsh);
}

/** The domain once it is in a state that lasts. */
async function settled(context: StartContext, virsh: Virsh): Promise<Domain | undefined> {
  const { found } = await waitFor(
    async () => {
      const found = await findDomain(virsh, context);
      return found !== undefined && powerOf(found.state) === 'stopping' ? undefined : { found };
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
  if (found !== undefined) {
    requireOwn(context, found);
  }
  return found;
}

async function startFromDisk(context: StartContext, virsh: Virsh, limits: StartLimits): Promise<void> {
  const { host, config } = context;
  await growRawDisk(host, domainFiles(context).disk, config.diskSizeMiB);
  if (config.uuid === '') {
    await context.save({ UUID: newUuid(host) });
  }
  const accelerator = await chooseAccelerator(context, virsh);
  tellOfOneProcessor(context, accelerator);
  try {
    await defineDomain(context, virsh, { accelerator, ...(await preferredPorts(context)) });
    if (!(await startDomain(context, virsh))) {
      await defineDomain(context, virsh, { accelerator, sshPort: 0, enginePort: 0 });
      await startDomain(context, virsh, { portsAreFree: true });
    }
    await keepPorts(context, virsh);
    await waitUntilReady(context, virsh, limits);
  } catch (error) {
    if (isMachineError(error) && error.facts['phase'] === '') {
      // A guest that never spoke has nothing to look into, and the accelerator is under suspicion.
      await forgetVerdicts(host, accelerator);
      await killMachine(context);
    }
    throw error;
  }
}

function tellOfOneProcessor({ boot, config, emit, name }: StartContext, accelerator: 'kvm' | 'tcg'): void {
  const { cpus } = config;
  if (boot !== undefined && processors({ accelerator, image: boot.image, cpus }) < cpus) {
    const message = 'An emulated machine of libvirt has one CPU: with more its kernel is not stable.';
    emit({ type: 'note', machine: name, message });
  }
}

/** The ports of the last run where they are free, so that clients keep working over a restart. */
async function preferredPorts({
  host,
  config,
}: StartContext): Promise<{ readonly sshPort: number; readonly enginePort: number }> {
  const pick = async (port: number): Promise<number> =>
    port > 0 && (await host.network.isPortFree(port)) ? port : 0;
  return { sshPort: await pick(config.sshPort), enginePort: await pick(config.enginePort) };
}

/** False when a port was taken in the moment before the start. @throws MachineError `vm-start-failed`, `host-not-ready`. */
async function startDomain(
  context: StartContext,
  virsh: Virsh,
  options: { readonly portsAreFree?: true } = {},
): Promise<boolean> {
  await renewConsole(context);
  const { fault } = await virsh.ask(['start', context.config.uuid]);
  if (fault === undefined || isActive(fault)) {
    return true;
  }
  if (isPortTaken(fault) && options.portsAreFree !== true) {
    return false;
  }
  throw startFailure(fault);
}

/** The console of the start before is kept, so that this one begins with nothing; nobody else may read it. */
async function renewConsole(context: StartContext): Promise<void> {
  const { files } = context.host;
  const { console, consoleBefore } = domainFiles(context);
  if ((await files.stat(console)) !== undefined) {
    await files.remove(consoleBefore);
    await files.rename(console, consoleBefore);
  }
  await files.writeNew(console, '', 0o600);
}

/** The ports are read back and kept as a wish for the next start. @throws MachineError `vm-control-failed`. */
async function keepPorts(context: StartContext, virsh: Virsh): Promise<void> {
  const { config } = context;
  const domain = await findDomain(virsh, context);
  const sshPort = hostPortOf(domain?.forwards ?? [], 22);
  const enginePort = hostPortOf(domain?.forwards ?? [], 2376);
  if (sshPort === undefined || enginePort === undefined) {
    // Of a domain that has ended the console tells more.
    return;
  }
  if (sshPort !== config.sshPort || enginePort !== config.enginePort) {
    await context.save({ HostSSHPort: sshPort, EnginePort: enginePort });
  }
}

async function waitUntilReady(context: StartContext, virsh: Virsh, limits: StartLimits): Promise<void> {
  const { host, signal } = context;
  const everyWhile = rarely(host.clock, probeEveryMs);
  await followUntilReady({
    host,
    consolePath: domainFiles(context).console,
    limits,
    signal,
    onMark: (mark) => {
      reportMark(context, mark);
    },
    hasEnded: () =>
      everyWhile(async () => {
        const domain = await findDomain(virsh, context);
        return domain === undefined || !['running', 'starting', 'paused'].includes(powerOf(domain.state));
      }),
    endedError: async (last) => endedError(last),
  });
}

function endedError(last: GuestMark | undefined): MachineError {
  const where =
    last === undefined ? 'before its kernel gave a sign of life' : `after the phase "${last.phase}"`;
  return new MachineError(
    'vm-start-failed',
    `The machine powered off or crashed while it started, ${where}.`,
    { facts: { phase: last?.phase ?? '' } },
  );
}
