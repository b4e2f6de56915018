import { MachineError } from '../core/errors.ts';
import type { Endpoint, PowerState } from '../drivers/driver.ts';
import { machinePaths } from './machine-paths.ts';
import { driverContext, type OpenMachine } from './open.ts';
import { loadOwnData } from './own-data.ts';
import type { Session } from './session.ts';

/** How SSH reaches a machine, for our own connections and for other programs. */
export interface SshTarget {
  readonly endpoint: Endpoint;
  readonly user: string;
  /** Absolute; absent for a machine without a key of its own: the user's agent and keys are asked. */
  readonly keyPath?: string;
  /** The pinned host key, a public line; absent while none is known. */
  readonly hostKey?: string;
  /** One to which the machine may have changed already. */
  readonly nextHostKey?: string | undefined;
}

/** In these nobody would answer, and whoever asks would wait for a time-out. */
const silentStates: ReadonlySet<PowerState> = new Set(['paused', 'saved', 'stopped', 'absent']);

/**
 * Where and how a running machine takes SSH.
 * @throws MachineError `machine-not-running`; `machine-incomplete` for a machine of ours without a host key.
 */
export async function sshTargetOf(session: Session, machine: OpenMachine): Promise<SshTarget> {
  const { power, ssh } = await machine.driver.inspect(driverContext(session, machine));
  if (ssh === undefined || silentStates.has(power)) {
    throw new MachineError(
      'machine-not-running',
      `Cannot run SSH command: Host "${machine.name}" is not running`,
      { remedies: [`tsmachine start ${machine.name}`] },
    );
  }
  const { sshHostKey, nextSshHostKey } = await loadOwnData(session, machine.name);
  const { boots } = machine.driver.manifest.capabilities;
  if (sshHostKey === undefined && boots === 'image') {
    throw new MachineError(
      'machine-incomplete',
      `The machine "${machine.name}" has no pinned SSH host key.`,
      { remedies: [`tsmachine create --resume ${machine.name}`] },
    );
  }
  const keyPath =
    boots === 'image' ? machinePaths(machine.directory).sshKey : keyPathOf(machine, ssh.keyPath);
  return {
    endpoint: { host: ssh.host, port: ssh.port },
    user: nonEmpty(ssh.user) ?? nonEmpty(machine.record.Driver.SSHUser) ?? 'docker',
    ...(keyPath === undefined ? {} : { keyPath }),
    ...(sshHostKey === undefined ? {} : { hostKey: sshHostKey }),
    ...(nextSshHostKey === undefined ? {} : { nextHostKey: nextSshHostKey }),
  };
}

function keyPathOf(machine: OpenMachine, told: string | undefined): string | undefined {
  return told === undefined ? nonEmpty(machine.record.Driver.SSHKeyPath) : nonEmpty(told);
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
