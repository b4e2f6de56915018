import { isMachineError } from '../core/errors.ts';
import type { RunRemote } from '../drivers/driver.ts';
import type { OpenMachine } from './open.ts';
import { connectSsh } from './remote.ts';
import type { Session } from './session.ts';

/** Runs a command line on a machine for its driver; the caller holds the machine's lock. See DriverContext.runRemote. */
export async function runOnMachine(
  session: Session,
  machine: OpenMachine,
  ...[commandLine, { timeoutMs }]: Parameters<RunRemote>
): ReturnType<RunRemote> {
  const { capture } = await import('../ssh/exec.ts');
  const connection = await connectSsh(session, machine, { holdsLock: true });
  try {
    return await capture(connection, commandLine, { timeoutMs, signal: session.signal });
  } catch (error) {
    if (isMachineError(error) && error.code === 'ssh-failed') {
      return { exitCode: undefined, stdout: '', stderr: error.message };
    }
    throw error;
  } finally {
    await connection.close();
  }
}
