import { isMachineError } from '../../core/errors.ts';
import type { DriverContext } from '../driver.ts';
import { reportMark } from '../follow-guest.ts';
import { forgetVerdicts } from '../accelerator-cache.ts';
import type { QemuConfig } from './config.ts';
import { prepareDisk } from './disk.ts';
import { followUntilReady, isReady, limitsFor, type StartLimits } from './follow.ts';
import { adopt, launch, type Launched, type LaunchPlan } from './launch.ts';
import { readLog } from './log.ts';
import { findLive, machinePaths, type MachinePaths } from './run-state.ts';
import { planLaunch } from './start-choices.ts';
import { endProcess, killMachine } from './stop.ts';
import { readPending, removePending } from './template/pending.ts';

type StartContext = DriverContext<QemuConfig>;

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
  const { host, directory } = context;
  const paths = await machinePaths(host, directory);
  const pending = await readPending(host, directory);
  if (pending?.state === 'prepared') {
    // One that waits for its saved memory is not worth adopting: its disk is untouched.
    await killMachine(context);
    const { resumeOrBoot } = await import('./template/resume-or-boot.ts');
    if (await resumeOrBoot(context, paths, pending)) {
      return;
    }
  }
  if (pending?.state === 'resumed') {
    if (!(await isReady(host, paths.console))) {
      // Whether the guest has run, and whether it was given its identity, is not known. Its disk is sound in any case.
      await killMachine(context);
    }
    await removePending(host, directory);
  }
  await startFromDisk(context, paths, limits);
}

async function startFromDisk(
  context: StartContext,
  paths: MachinePaths,
  limits: StartLimits | undefined,
): Promise<void> {
  const live = await findLive(context);
  if (live !== undefined) {
    const running = await adopt(context, live, paths);
    try {
      await goOn(context, running, { paths, limits });
    } finally {
      running.control.close();
    }
    return;
  }
  await prepareDisk(context, paths.disk);
  await startNew(context, await planLaunch(context, paths), limits);
}

async function goOn(
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
    limits: start.limits ?? limitsFor(running.record.accelerator),
    signal,
    onMark: (mark) => {
      reportMark(context, mark);
    },
    hasEnded: () => running.control.isClosed,
    readLog: () => readLog(host, start.paths.log),
  });
}
