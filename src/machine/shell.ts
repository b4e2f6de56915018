import type { Readable, Writable } from 'node:stream';
import { MachineError } from '../core/errors.ts';
import type { SshConnection, SshOptions } from '../ssh/types.ts';
import { driverContext, openMachine, requireCapability, type OpenMachine } from './open.ts';
import { machinePaths } from './machine-paths.ts';
import { loadOwnData } from './own-data.ts';
import type { Session } from './session.ts';

const connectTimeoutMs = 30_000;

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
 * @throws MachineError `machine-not-running`, `capability-missing`, `ssh-failed`, `ssh-host-key-changed`.
 */
export async function runRemote(
  session: Session,
  name: string,
  command: readonly string[],
  streams: ShellStreams,
): Promise<number> {
  const machine = await openMachine(session, name);
  requireCapability(machine, 'ssh', 'reached by SSH');
  const connection = await connect(session, machine);
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

async function connect(session: Session, machine: OpenMachine): Promise<SshConnection> {
  const { host } = session;
  const status = await machine.driver.inspect(driverContext(session, machine));
  if (status.ssh === undefined) {
    throw new MachineError(
      'machine-not-running',
      `Cannot run SSH command: Host "${machine.name}" is not running`,
      {
        remedies: [`tsmachine start ${machine.name}`],
      },
    );
  }
  const { sshHostKey } = await loadOwnData(session, machine.name);
  if (sshHostKey === undefined) {
    throw new MachineError(
      'machine-incomplete',
      `The machine "${machine.name}" has no pinned SSH host key.`,
      {
        remedies: [`tsmachine create --resume ${machine.name}`],
      },
    );
  }
  return openSshLazily(session, {
    endpoint: status.ssh,
    user: machine.record.Driver.SSHUser ?? 'docker',
    privateKeyPem: await host.files.readText(machinePaths(machine.directory).sshKey),
    hostKey: { pinned: sshHostKey },
    timeoutMs: connectTimeoutMs,
    signal: session.signal,
  });
}

async function openSshLazily(session: Session, options: SshOptions): Promise<SshConnection> {
  const { openSsh } = await import('../ssh/connection.ts');
  return openSsh(session.host, options);
}
