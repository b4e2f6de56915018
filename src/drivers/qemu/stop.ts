import { isMachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import type { ProcessIdentity } from '../../host/types.ts';
import { stopLimits, type StopLimits } from '../power-off.ts';
import { removeDiskRemains } from './disk.ts';
import { connectQmp, type QmpClient } from './qmp.ts';
import { removePending } from './template/pending.ts';
import { endServers } from './virtiofsd.ts';
import { findLive, machinePaths, type LiveMachine, type RunContext } from './run-state.ts';

const quitTimeoutMs = 5_000;
const killTimeoutMs = 10_000;
const connectTimeoutMs = 5_000;
/** Who wants to kill need not wait for QEMU to be polite. */
const connectToKillTimeoutMs = 1_500;
const pauseMs = 20;
const pauseMaxMs = 250;

/** A process to end, and the way to ask it, if there is one. */
interface Target {
  readonly process: ProcessIdentity;
  readonly client: QmpClient | undefined;
}

/**
 * Presses the power button and waits; a guest that does not power off in time is forced off.
 * @param limits for tests
 * @throws MachineError `vm-control-failed` when not even SIGKILL ends QEMU.
 */
export async function stopMachine(context: RunContext, limits: StopLimits = stopLimits): Promise<void> {
  await withLive(context, connectTimeoutMs, async (target) => {
    if (
      target.client === undefined ||
      !(await powerDown(context, { ...target, client: target.client }, limits))
    ) {
      await endProcess(context, target);
    }
  });
}

/** Ends QEMU without asking the guest. @throws MachineError `vm-control-failed`. */
export async function killMachine(context: RunContext): Promise<void> {
  await withLive(context, connectToKillTimeoutMs, (target) => endProcess(context, target));
}

/** Ends QEMU and removes what it and a cut-off create left outside and inside the machine's directory. */
export async function removeMachine(context: RunContext): Promise<void> {
  const { host } = context;
  await killMachine(context);
  const paths = await machinePaths(host, context.directory);
  if (host.facts.platform !== 'win32') {
    await host.files.remove(paths.control);
    await host.files.remove(paths.observer);
    await host.files.remove(paths.identity);
  }
  await host.files.remove(paths.pid);
  await host.files.remove(paths.run);
  await removePending(host, context.directory);
  await endServers(context);
  await removeDiskRemains(host, paths.disk);
  if (paths.socketDirectory !== undefined) {
    await host.files.remove(paths.socketDirectory);
  }
}

/**
 * Ends a QEMU process: asks it to quit, which keeps its disk images in order, then SIGTERM, which does
 * the same without a monitor, then SIGKILL. Only exactly this process is signalled.
 * @throws MachineError `vm-control-failed` when it does not end.
 */
export async function endProcess(context: RunContext, target: Target): Promise<void> {
  const { processes } = context.host;
  if (target.client !== undefined && !target.client.isClosed) {
    // QEMU may end before its answer is sent.
    await target.client.execute('quit', undefined, { timeoutMs: quitTimeoutMs }).catch(() => undefined);
    if (await hasEndedWithin(context, target, quitTimeoutMs)) {
      return;
    }
  }
  await processes.signal(target.process, 'SIGTERM');
  if (await hasEndedWithin(context, target, quitTimeoutMs)) {
    return;
  }
  await processes.signal(target.process, 'SIGKILL');
  await waitFor(async () => ((await processes.isAlive(target.process)) ? undefined : true), {
    clock: context.host.clock,
    timeoutMs: killTimeoutMs,
    intervalMs: pauseMs,
    intervalMaxMs: pauseMaxMs,
    code: 'vm-control-failed',
    what: `QEMU (process ${target.process.pid}) to end after SIGKILL`,
  });
}

async function withLive(
  context: RunContext,
  timeoutMs: number,
  work: (target: Target) => Promise<void>,
): Promise<void> {
  const live = await findLive(context);
  if (live === undefined) {
    return;
  }
  const client = await connectToAny(context, live, timeoutMs);
  try {
    await work({ process: live.process, client });
  } finally {
    client?.close();
  }
}

/** Commands go to the control socket; when somebody holds it for long, the other one serves as well. */
async function connectToAny(
  context: RunContext,
  live: LiveMachine,
  timeoutMs: number,
): Promise<QmpClient | undefined> {
  for (const path of [live.control, live.observer]) {
    try {
      return await connectQmp(context.host, path, { timeoutMs, signal: context.signal });
    } catch {
      context.signal.throwIfAborted();
    }
  }
  return undefined;
}

/** True when the guest has powered off. */
async function powerDown(
  context: RunContext,
  target: { readonly process: ProcessIdentity; readonly client: QmpClient },
  limits: StopLimits,
): Promise<boolean> {
  const { clock } = context.host;
  const deadlineMs = clock.monotonicMs() + limits.powerdownTimeoutMs;
  try {
    // A paused guest would never see the button.
    await target.client.execute('cont', undefined, { signal: context.signal });
    for (;;) {
      await target.client.execute('system_powerdown', undefined, { signal: context.signal });
      const leftMs = deadlineMs - clock.monotonicMs();
      if (await hasEndedWithin(context, target, Math.min(limits.repeatMs, leftMs))) {
        return true;
      }
      if (clock.monotonicMs() >= deadlineMs) {
        return false;
      }
    }
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isMachineError(error)) {
      throw error;
    }
    // The connection was lost: either the guest is off, or QEMU must be ended without it.
    return hasEndedWithin(context, target, quitTimeoutMs);
  }
}

/** Waits for the end of the process; the loss of the connection tells it earlier than the process table. */
async function hasEndedWithin(context: RunContext, target: Target, timeoutMs: number): Promise<boolean> {
  const { clock, processes } = context.host;
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  if (target.client !== undefined && !target.client.isClosed) {
    const over = new AbortController();
    const alarm = clock.sleep(timeoutMs, AbortSignal.any([over.signal, context.signal])).then(
      () => false,
      () => false,
    );
    const isLost = await Promise.race([target.client.closed.then(() => true), alarm]);
    over.abort();
    context.signal.throwIfAborted();
    if (!isLost) {
      return !(await processes.isAlive(target.process));
    }
  }
  for (;;) {
    if (!(await processes.isAlive(target.process))) {
      return true;
    }
    const leftMs = deadlineMs - clock.monotonicMs();
    if (leftMs <= 0) {
      return false;
    }
    await clock.sleep(Math.min(pauseMs, leftMs), context.signal);
  }
}
