import { isMachineError, MachineError } from '../../core/errors.ts';
import type { BootMaterial, DriverContext } from '../driver.ts';
import type { GuestMark } from '../guest-phases.ts';
import { decideAccelerator } from './accelerator.ts';
import { forgetVerdicts } from './accelerator-cache.ts';
import type { Accelerator, QemuConfig } from './config.ts';
import { prepareDisk } from './disk.ts';
import { followUntilReady, isReady, type StartLimits } from './follow.ts';
import { adopt, launch, readLog, type Launched, type LaunchPlan } from './launch.ts';
import { findProgram, installHint, systemProgramOf } from './programs.ts';
import { findLive, machinePaths, readRunRecord, type MachinePaths, type RunRecord } from './run-state.ts';
import { endProcess } from './stop.ts';

type StartContext = DriverContext<QemuConfig>;

/** Measured: a whole start takes about 20 s under emulation on two cores, a few seconds accelerated. */
const emulatedLimits: StartLimits = { firstMarkTimeoutMs: 60_000, readyTimeoutMs: 180_000 };
const acceleratedLimits: StartLimits = { firstMarkTimeoutMs: 10_000, readyTimeoutMs: 60_000 };

/** Each reason to start QEMU again is taken once. */
const retriedReasons = ['port-taken', 'ended-before-first-mark'] as const;

/**
 * Starts the machine and returns when the guest says that it is ready. One that runs already is waited
 * for in the same way, so a start that was cut off can be called again.
 * @param limits for tests; by default they follow from the accelerator
 * @throws MachineError `guest-failed`, `vm-boot-timeout`, `vm-start-failed`, `vm-control-failed`,
 *   `program-missing`, `disk-unsafe`, `host-not-ready`, `image-invalid`, `bug` (no image given).
 */
export async function startMachine(context: StartContext, limits?: StartLimits): Promise<void> {
  const paths = await machinePaths(context.host, context.directory);
  const live = await findLive(context);
  if (live !== undefined) {
    const running = await adopt(context, live, paths);
    try {
      await resume(context, running, { paths, limits });
    } finally {
      running.control.close();
    }
    return;
  }
  const plan = await planLaunch(context, paths);
  await startNew(context, plan, limits);
}

async function resume(
  context: StartContext,
  running: Launched,
  start: { readonly paths: MachinePaths; readonly limits: StartLimits | undefined },
): Promise<void> {
  await running.control.execute('cont');
  if (!(await isReady(context.host, start.paths.console))) {
    await follow(context, running, start);
  }
}

async function startNew(
  context: StartContext,
  first: LaunchPlan,
  limits: StartLimits | undefined,
): Promise<void> {
  const retried = new Set<string>();
  let plan = first;
  for (;;) {
    try {
      await startOnce(context, plan, limits);
      return;
    } catch (error) {
      const reason = isMachineError(error) ? error.facts['reason'] : undefined;
      const isRetried = retriedReasons.some((known) => known === reason && !retried.has(known));
      if (!isRetried || typeof reason !== 'string') {
        throw error;
      }
      retried.add(reason);
      plan = reason === 'port-taken' ? { ...plan, sshPort: 0, enginePort: 0 } : plan;
    }
  }
}

async function startOnce(
  context: StartContext,
  plan: LaunchPlan,
  limits: StartLimits | undefined,
): Promise<void> {
  const launched = await launch(context, plan);
  try {
    await follow(context, launched, { paths: plan.paths, limits });
  } catch (error) {
    if (
      isMachineError(error) &&
      (error.facts['phase'] === '' || error.facts['reason'] === 'ended-before-first-mark')
    ) {
      // A guest that never spoke has nothing to look into, and the accelerator is under suspicion.
      await forgetVerdicts(context.host, plan.accelerator);
      await endProcess(context, { process: launched.process, client: launched.control });
    }
    throw error;
  } finally {
    launched.control.close();
  }
}

async function follow(
  context: StartContext,
  running: Launched,
  start: { readonly paths: MachinePaths; readonly limits: StartLimits | undefined },
): Promise<void> {
  const { host, signal } = context;
  await followUntilReady({
    host,
    consolePath: start.paths.console,
    limits: start.limits ?? (running.record.accelerator === 'tcg' ? emulatedLimits : acceleratedLimits),
    signal,
    onMark: (mark) => {
      report(context, mark);
    },
    hasEnded: () => running.control.isClosed,
    readLog: () => readLog(host, start.paths.log),
  });
}

function report(context: StartContext, mark: GuestMark): void {
  const machine = context.name;
  if (mark.phase === 'note') {
    context.emit({ type: 'note', machine, message: mark.detail ?? '' });
  } else if (mark.phase !== 'failed') {
    context.emit({ type: 'phase', machine, phase: mark.phase, atSeconds: mark.atSeconds });
  }
}

async function planLaunch(context: StartContext, paths: MachinePaths): Promise<LaunchPlan> {
  const { host } = context;
  if (context.boot === undefined) {
    throw new MachineError('bug', 'The machine cannot be started without an image.');
  }
  const program = await requireProgram(context, context.boot);
  await prepareDisk(context, paths.disk);
  const accelerator = await chooseAccelerator(context, program, context.boot);
  const previous = await readRunRecord(host, context.directory);
  return {
    program,
    accelerator,
    boot: context.boot,
    paths,
    ...(await preferredPorts(context, previous)),
  };
}

async function requireProgram(context: StartContext, boot: BootMaterial): Promise<string> {
  const { architecture } = boot.image;
  const wanted = context.config.program === '' ? systemProgramOf(architecture) : context.config.program;
  const program = await findProgram(context.host, wanted);
  if (program === undefined) {
    throw new MachineError('program-missing', `${wanted} was not found.`, {
      remedies: [installHint(context.host.facts, architecture)],
    });
  }
  return program;
}

async function chooseAccelerator(
  context: StartContext,
  program: string,
  boot: BootMaterial,
): Promise<Accelerator> {
  const decision = await decideAccelerator(context.host, {
    program,
    choice: context.config.accelerator,
    architecture: boot.image.architecture,
    image: boot.image,
    signal: context.signal,
  });
  if (decision.isFresh && decision.reason !== undefined) {
    const remedy = decision.remedy === undefined ? '' : ` ${decision.remedy}`;
    context.emit({
      type: 'warn',
      machine: context.name,
      message: `The machine is emulated, which is slow. ${decision.reason}${remedy}`,
    });
  }
  return decision.accelerator;
}

/** The ports of the last run where they are free, so that clients keep working over a restart. */
async function preferredPorts(
  context: StartContext,
  previous: RunRecord | undefined,
): Promise<{ readonly sshPort: number; readonly enginePort: number }> {
  const { network } = context.host;
  const pick = async (port: number | undefined): Promise<number> =>
    port !== undefined && port > 0 && (await network.isPortFree(port)) ? port : 0;
  const enginePort = previous === undefined ? context.config.enginePort : previous.enginePort;
  return { sshPort: await pick(previous?.sshPort), enginePort: await pick(enginePort) };
}
