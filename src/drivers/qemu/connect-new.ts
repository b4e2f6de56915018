import { isMachineError, systemCode } from '../../core/errors.ts';
import type { ProcessIdentity } from '../../host/types.ts';
import { endedEarly, startFailure } from './failures.ts';
import { readLog } from './log.ts';
import { connectQmp, type QmpClient } from './qmp.ts';
import type { MachinePaths, RunContext } from './run-state.ts';

const greetingTimeoutMs = 10_000;
/** Between two looks at a process that has just been started. */
export const connectPauseMs = 5;

/**
 * Connects to a QEMU that has just been started, as soon as it listens.
 * @throws MachineError `vm-start-failed` and its kin when it ends or does not answer.
 */
export async function connectToNew(
  context: RunContext,
  process: ProcessIdentity,
  paths: MachinePaths,
): Promise<QmpClient> {
  const { host, signal } = context;
  const deadlineMs = host.clock.monotonicMs() + greetingTimeoutMs;
  for (;;) {
    const leftMs = deadlineMs - host.clock.monotonicMs();
    if (leftMs <= 0) {
      const what = `QEMU did not answer within ${greetingTimeoutMs / 1000} s after its start.`;
      throw startFailure(await readLog(host, paths.log), what);
    }
    try {
      return await connectQmp(host, paths.control, { timeoutMs: leftMs, signal });
    } catch (error) {
      signal.throwIfAborted();
      if (!isMachineError(error) && !isNobodyThere(error)) {
        throw error;
      }
    }
    if (!(await host.processes.isAlive(process))) {
      throw endedEarly(await readLog(host, paths.log));
    }
    await host.clock.sleep(Math.min(connectPauseMs, leftMs), signal);
  }
}

/**
 * On Windows QEMU waits at its start until somebody has opened each of its pipes, and greets only then
 * (chardev/char-win.c in its source). Elsewhere nothing is to be done.
 */
export async function openObserverPipe(context: RunContext, paths: MachinePaths): Promise<void> {
  const { host, signal } = context;
  const deadlineMs = host.clock.monotonicMs() + greetingTimeoutMs;
  while (host.facts.platform === 'win32' && host.clock.monotonicMs() < deadlineMs && !signal.aborted) {
    try {
      (
        await host.network.connect({ path: paths.observer }, { timeoutMs: greetingTimeoutMs, signal })
      ).destroy();
      return;
    } catch {
      // Not there yet, or never: the other pipe's wait tells which.
      await host.clock.sleep(connectPauseMs, signal);
    }
  }
}

function isNobodyThere(error: unknown): boolean {
  return ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'].includes(systemCode(error) ?? '');
}
