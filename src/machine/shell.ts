import type { Readable, Writable } from 'node:stream';
import type { OpenMachine } from './open.ts';
import { connectSsh } from './remote.ts';
import type { Session } from './session.ts';

/** The user's side of a remote command or shell. */
export interface ShellStreams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Whether the other side gets a terminal; unless given, a shell does when stdin is one. */
  readonly terminal?: boolean;
}

/**
 * Runs a command in a machine, or an interactive shell when there is none, over SSH with the pinned host key.
 * The words of a command are joined with blanks and read by the remote shell, as ssh does.
 * @returns the remote exit status.
 * @throws MachineError `machine-not-running`, `ssh-failed`, `ssh-host-key-changed`.
 */
export async function runRemote(
  session: Session,
  machine: OpenMachine,
  command: readonly string[],
  streams: ShellStreams,
): Promise<number> {
  const connection = await connectSsh(session, machine);
  try {
    const { attachRemote } = await import('../ssh/interactive.ts');
    return await attachRemote(connection, command.length === 0 ? undefined : command.join(' '), {
      ...streams,
      terminalType: session.host.facts.env['TERM'] ?? 'xterm',
      signal: session.signal,
    });
  } finally {
    await connection.close();
  }
}
