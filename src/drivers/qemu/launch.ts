import { isMachineError, MachineError } from '../../core/errors.ts';
import type { BootMaterial, DriverContext } from '../driver.ts';
import type { Host, ProcessIdentity } from '../../host/types.ts';
import { machineArguments, type TemplateArguments } from './argv.ts';
import type { Accelerator } from '../qemu-board.ts';
import type { QemuConfig } from './config.ts';
import { connectPauseMs, connectToNew, openObserverPipe } from './connect-new.ts';
import { endedEarly } from './failures.ts';
import { readLog } from './log.ts';
import { macAddress } from '../mac-address.ts';
import { templateMacAddress } from './template/key.ts';
import { connectQmp, type QmpClient } from './qmp.ts';
import type { LiveMachine, MachinePaths, RunContext, RunRecord } from './run-state.ts';
import { endServers, shareSocket, startServers } from './virtiofsd.ts';
import { hostPortOf, parseUsernet } from '../usernet.ts';

/** Everything that is settled before QEMU is started. */
export interface LaunchPlan {
  readonly program: string;
  readonly accelerator: Accelerator;
  readonly boot: BootMaterial;
  readonly paths: MachinePaths;
  /** Host ports to ask for; 0 lets the kernel choose. */
  readonly sshPort: number;
  readonly enginePort: number;
  /** Present for a guest that is made a template of, or resumed from one. */
  readonly template?: TemplateLaunch;
}

/** How a guest that is saved or restored is started. */
export interface TemplateLaunch {
  readonly engineConfig: string;
  readonly machineType: string;
  /** File with the saved memory, which is loaded; the guest is paused afterwards. Without it the guest boots. */
  readonly incomingPath?: string;
}

/** A QEMU process that runs and answers. */
export interface Launched {
  readonly process: ProcessIdentity;
  readonly control: QmpClient;
  readonly record: RunRecord;
}

const greetingTimeoutMs = 10_000;
/** A process that closes its sockets is gone soon after, on a busy computer not at once. */
const endTimeoutMs = 3000;

/**
 * Starts QEMU detached, waits until it answers, reads the ports back and writes `run.json`. When
 * anything of it fails the process is ended.
 * @throws MachineError `vm-start-failed`, `host-not-ready`, `image-invalid` (facts: reason), `store-unsafe`.
 */
export async function launch(context: DriverContext<QemuConfig>, plan: LaunchPlan): Promise<Launched> {
  const { host, directory, signal } = context;
  const { paths } = plan;
  await prepareSocketDirectory(host, directory, paths);
  await keepPrevious(host, paths.console);
  await keepPrevious(host, paths.log);
  const { template, ...settled } = plan;
  const args = machineArguments({
    ...context.config,
    ...settled,
    name: context.name,
    platform: host.facts.platform,
    image: plan.boot.image,
    guestFiles: plan.boot.guestFiles,
    shares: plan.boot.shares.map((share) =>
      share.way === 'virtiofs' ? { ...share, socketPath: shareSocket(paths.control, share.tag) } : share,
    ),
    diskPath: paths.disk,
    consolePath: paths.console,
    pidPath: paths.pid,
    controlPath: paths.control,
    observerPath: paths.observer,
    macAddress: template === undefined ? await macAddress(host, directory, plan.boot) : templateMacAddress,
    // A guest that is resumed is given its identity by the port, and finds nothing else new.
    ...(template === undefined ? {} : { guestFiles: [], template: templateOptions(template, paths) }),
  });
  await startServers(context, plan.boot.shares, paths.control);
  const process = await spawn(context, plan, args).catch(async (error: unknown) => {
    await endServers(context);
    throw error;
  });
  const record: RunRecord = {
    schema: 1,
    process,
    startedAtMs: host.clock.nowMs(),
    sshPort: 0,
    enginePort: 0,
    accelerator: plan.accelerator,
    control: paths.control,
    observer: paths.observer,
  };
  let isUp = false;
  try {
    await writeRunRecord(host, paths.run, record);
    const [control] = await Promise.all([
      connectToNew(context, process, paths),
      openObserverPipe(context, paths),
    ]);
    const complete = { ...record, ...(await readPorts(control)) };
    await writeRunRecord(host, paths.run, complete);
    isUp = true;
    return { process, control, record: complete };
  } catch (error) {
    signal.throwIfAborted();
    if (await endsSoon(context, process)) {
      // The lost connection is only how it showed.
      throw endedEarly(await readLog(host, paths.log));
    }
    throw error;
  } finally {
    if (!isUp) {
      await host.processes.signal(process, 'SIGKILL');
      await endServers(context);
    }
  }
}

/** True when a process that may be about to end, as its lost connection says, has ended. */
async function endsSoon(context: RunContext, process: ProcessIdentity): Promise<boolean> {
  const { clock, processes } = context.host;
  const deadlineMs = clock.monotonicMs() + endTimeoutMs;
  while (await processes.isAlive(process)) {
    if (clock.monotonicMs() >= deadlineMs) {
      return false;
    }
    await clock.sleep(connectPauseMs, context.signal);
  }
  return true;
}

/** Takes over a QEMU process that runs already: connects and completes `run.json`. */
export async function adopt(context: RunContext, live: LiveMachine, paths: MachinePaths): Promise<Launched> {
  const { host } = context;
  const control = await connectQmp(host, live.control, {
    timeoutMs: greetingTimeoutMs,
    signal: context.signal,
  });
  try {
    const base = live.record ?? {
      schema: 1,
      process: live.process,
      startedAtMs: host.clock.nowMs(),
      accelerator: 'tcg',
      control: live.control,
      observer: live.observer,
    };
    const record: RunRecord = { ...base, ...(await readPorts(control)) };
    await writeRunRecord(host, paths.run, record);
    return { process: live.process, control, record };
  } catch (error) {
    control.close();
    throw error;
  }
}

function templateOptions(template: TemplateLaunch, paths: MachinePaths): TemplateArguments {
  const { engineConfig, machineType, incomingPath } = template;
  return {
    engineConfig,
    machineType,
    identityPath: paths.identity,
    isIncoming: incomingPath !== undefined,
  };
}

async function spawn(
  context: RunContext,
  plan: LaunchPlan,
  args: readonly string[],
): Promise<ProcessIdentity> {
  const { host, directory } = context;
  const { log } = plan.paths;
  const stdinPath = plan.template?.incomingPath;
  try {
    return await host.processes.spawnDetached(plan.program, args, {
      logPath: log,
      cwd: directory,
      ...(stdinPath === undefined ? {} : { stdinPath }),
    });
  } catch (error) {
    if (isMachineError(error) && error.code === 'program-failed') {
      throw endedEarly(await readLog(host, log));
    }
    throw error;
  }
}

async function readPorts(
  control: QmpClient,
): Promise<{ readonly sshPort: number; readonly enginePort: number }> {
  const text = await control.monitor('info usernet');
  const forwards = parseUsernet(text);
  const sshPort = hostPortOf(forwards, 22);
  const enginePort = hostPortOf(forwards, 2376);
  if (sshPort === undefined || enginePort === undefined) {
    throw new MachineError('vm-control-failed', 'QEMU does not tell the ports of the machine.', {
      why: text.slice(0, 500),
    });
  }
  return { sshPort, enginePort };
}

async function writeRunRecord(host: Host, path: string, record: RunRecord): Promise<void> {
  await host.files.writeAtomic(path, `${JSON.stringify(record, undefined, 1)}\n`, 0o600);
}

/** The sockets' own directory must belong to the owner of the machine and be closed to all others. */
async function prepareSocketDirectory(host: Host, directory: string, paths: MachinePaths): Promise<void> {
  const { socketDirectory } = paths;
  if (socketDirectory === undefined) {
    return;
  }
  await host.files.makeDirectory(socketDirectory, 0o700);
  const stat = await host.files.stat(socketDirectory);
  const owner = await host.files.stat(directory);
  if (stat?.kind !== 'directory' || stat.uid !== owner?.uid || (stat.mode & 0o077) !== 0) {
    throw new MachineError('store-unsafe', `The directory ${socketDirectory} is not private to you.`, {
      why: 'It would hold the control sockets of the machine.',
      remedies: [`Remove ${socketDirectory}, then run the command again.`],
    });
  }
}

async function keepPrevious(host: Host, path: string): Promise<void> {
  if ((await host.files.stat(path)) !== undefined) {
    await host.files.rename(path, `${path}.1`);
  }
}
