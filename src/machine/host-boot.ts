import type { MachineError } from '../core/errors.ts';
import { isMachineError } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { verifyEngine } from './boot.ts';
import { refreshMachineContext } from './contexts.ts';
import { createHostLink } from './host-link.ts';
import type { OpenMachine } from './open.ts';
import type { OwnData } from './own-data.ts';
import { provisionOpenHost } from './provision.ts';
import { connectSsh } from './remote.ts';
import { renewalReason } from './renewal.ts';
import { reportStep } from './report-step.ts';
import type { Session } from './session.ts';

const backTimeoutMs = 10 * 60_000;
const engineTimeoutMs = 3 * 60_000;
const retryMs = 1_000;
const retryMaxMs = 5_000;
const connectTimeoutMs = 10_000;
const askTimeoutMs = 20_000;

/** What the kernel of a host calls this boot of it; another one after every restart. */
export async function bootId(session: Session, machine: OpenMachine): Promise<string> {
  const { capture } = await import('../ssh/exec.ts');
  const connection = await connectSsh(session, machine, { holdsLock: true, timeoutMs: connectTimeoutMs });
  try {
    const { stdout } = await capture(connection, 'cat /proc/sys/kernel/random/boot_id', {
      timeoutMs: askTimeoutMs,
      signal: session.signal,
    });
    return stdout.trim();
  } finally {
    await connection.close();
  }
}

/**
 * Waits until a host that restarts has booted again and its engine answers.
 * @throws MachineError `timeout`.
 */
export async function waitUntilBack(session: Session, machine: OpenMachine, before: string): Promise<void> {
  const step = { step: 'reach', summary: 'Waiting for SSH to be available...' };
  await reportStep(session, machine.name, step, () =>
    waitFor(
      async () => {
        const now = await passing(session, () => bootId(session, machine));
        return now === undefined || now === '' || now === before ? undefined : true;
      },
      {
        clock: session.host.clock,
        timeoutMs: backTimeoutMs,
        intervalMs: retryMs,
        intervalMaxMs: retryMaxMs,
        signal: session.signal,
        code: 'timeout',
        what: `the host of "${machine.name}" to boot again`,
      },
    ),
  );
  await waitForEngine(session, machine);
}

/**
 * Makes a host that was started a usable machine: what changed with its address is set up again, and the engine
 * answers.
 */
export async function readyHost(
  session: Session,
  machine: OpenMachine,
  own: Pick<OwnData, 'tlsKeyType' | 'extraAuthorities'>,
): Promise<void> {
  if ((await renewalReason(session, machine)) !== undefined) {
    await provisionOpenHost(session, machine, { own });
    return;
  }
  const link = createHostLink(session, machine);
  const step = { step: 'reach', summary: 'Waiting for SSH to be available...' };
  await reportStep(session, machine.name, step, async () => {
    await link.reach();
    await link.close();
  });
  await waitForEngine(session, machine);
  await refreshMachineContext(session, machine);
}

async function waitForEngine(session: Session, machine: OpenMachine): Promise<void> {
  let last: MachineError | undefined;
  const step = { step: 'verify', summary: 'Checking connection to Docker...' };
  await reportStep(session, machine.name, step, () =>
    waitFor(
      () =>
        passing(
          session,
          async () => {
            await verifyEngine(session, machine);
            return true;
          },
          (error) => (last = error),
        ),
      {
        clock: session.host.clock,
        timeoutMs: engineTimeoutMs,
        intervalMs: retryMs,
        intervalMaxMs: retryMaxMs,
        signal: session.signal,
        code: 'engine-unreachable',
        what: `the engine of "${machine.name}"`,
        hint: () => last?.message,
      },
    ),
  );
}

const passingCodes: ReadonlySet<string> = new Set([
  'ssh-failed',
  'machine-not-running',
  'timeout',
  'engine-unreachable',
]);

/** The result, or undefined after a failure that time may mend. */
async function passing<T>(
  session: Session,
  action: () => Promise<T>,
  onFailure: (error: MachineError) => void = () => undefined,
): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    session.signal.throwIfAborted();
    if (!isMachineError(error) || !passingCodes.has(error.code)) {
      throw error;
    }
    onFailure(error);
    return undefined;
  }
}
