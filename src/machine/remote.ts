import { MachineError } from '../core/errors.ts';
import type { SshConnection } from '../ssh/types.ts';
import { machinePaths } from './machine-paths.ts';
import { driverContext, type OpenMachine } from './open.ts';
import { loadOwnData } from './own-data.ts';
import type { Session } from './session.ts';

const connectTimeoutMs = 30_000;

/**
 * Connects to a running machine by SSH, with its own key and the pinned host key. The caller closes it.
 * @throws MachineError `machine-not-running`, `machine-incomplete`, `ssh-failed`, `ssh-host-key-changed`.
 */
export async function connectSsh(session: Session, machine: OpenMachine): Promise<SshConnection> {
  const { host } = session;
  const status = await machine.driver.inspect(driverContext(session, machine));
  if (status.ssh === undefined) {
    throw new MachineError(
      'machine-not-running',
      `Cannot run SSH command: Host "${machine.name}" is not running`,
      { remedies: [`tsmachine start ${machine.name}`] },
    );
  }
  const { sshHostKey } = await loadOwnData(session, machine.name);
  if (sshHostKey === undefined) {
    throw new MachineError(
      'machine-incomplete',
      `The machine "${machine.name}" has no pinned SSH host key.`,
      { remedies: [`tsmachine create --resume ${machine.name}`] },
    );
  }
  const { openSsh } = await import('../ssh/connection.ts');
  return openSsh(host, {
    endpoint: status.ssh,
    user: machine.record.Driver.SSHUser ?? 'docker',
    privateKeyPem: await host.files.readText(machinePaths(machine.directory).sshKey),
    hostKey: { pinned: sshHostKey },
    timeoutMs: connectTimeoutMs,
    signal: session.signal,
  });
}
