import { isMachineError } from '../core/errors.ts';
import type { HostKeyTrust } from '../ssh/host-key.ts';
import type { SshConnection } from '../ssh/types.ts';
import { withMachineLock } from './locks.ts';
import type { OpenMachine } from './open.ts';
import { loadOwnData, updateOwnData } from './own-data.ts';
import type { Session } from './session.ts';
import { sshTargetOf, type SshTarget } from './ssh-target.ts';

const connectTimeoutMs = 30_000;
const pinTimeoutMs = 10_000;

/** How to connect. */
export interface ConnectOptions {
  /** The caller holds the machine's lock. */
  readonly holdsLock?: boolean;
  readonly timeoutMs?: number;
}

/**
 * Connects to a running machine by SSH, with its own key, or the user's agent where it has none, and the pinned
 * host key. Where none is known yet, as for a machine that docker-machine made, the first one that is shown is
 * pinned. The caller closes the connection.
 * @throws MachineError `machine-not-running`, `machine-incomplete`, `ssh-failed`, `ssh-host-key-changed`.
 */
export async function connectSsh(
  session: Session,
  machine: OpenMachine,
  options: ConnectOptions = {},
): Promise<SshConnection> {
  const timeoutMs = options.timeoutMs ?? connectTimeoutMs;
  const target = await sshTargetOf(session, machine);
  const connection = await openTarget(session, target, timeoutMs).catch(async (error: unknown) => {
    // Another process may have seen to it that the machine changes its key, after ours was read.
    if (!isMachineError(error) || error.code !== 'ssh-host-key-changed') {
      throw error;
    }
    const now = await sshTargetOf(session, machine);
    if (hasSameKeys(now, target)) {
      throw error;
    }
    return openTarget(session, now, timeoutMs);
  });
  const { holdsLock = false } = options;
  if (target.hostKey === undefined) {
    await pin(session, machine.name, { hostKey: connection.hostKey, holdsLock });
  }
  if (target.nextHostKey !== undefined && holdsLock) {
    const { isSameKey, settleHostKey } = await import('./settle-host-key.ts');
    if (isSameKey(target.nextHostKey, connection.hostKey)) {
      await settleHostKey(session, machine, target.nextHostKey);
    }
  }
  return connection;
}

function hasSameKeys(one: SshTarget, other: SshTarget): boolean {
  return one.hostKey === other.hostKey && one.nextHostKey === other.nextHostKey;
}

/** Connects to what is known of a machine. @throws MachineError like connectSsh. */
export async function openTarget(
  session: Session,
  target: SshTarget,
  timeoutMs: number,
  trust: HostKeyTrust = trustOf(target),
): Promise<SshConnection> {
  const { host, signal } = session;
  const agentSocket = host.facts.env['SSH_AUTH_SOCK'];
  const { openSsh } = await import('../ssh/connection.ts');
  return openSsh(host, {
    endpoint: target.endpoint,
    user: target.user,
    ...(target.keyPath === undefined
      ? { agentSocket }
      : { privateKeyPem: await host.files.readText(target.keyPath) }),
    hostKey: trust,
    timeoutMs,
    signal,
  });
}

function trustOf({ hostKey, nextHostKey }: SshTarget): HostKeyTrust {
  return hostKey === undefined ? { firstUse: true } : { pinned: hostKey, next: nextHostKey };
}

async function pin(
  session: Session,
  name: string,
  { hostKey, holdsLock }: { readonly hostKey: string; readonly holdsLock: boolean },
): Promise<void> {
  const write = async (): Promise<void> => {
    // Another process may have been first; what it saw is what counts, and is compared from the next time on.
    if ((await loadOwnData(session, name)).sshHostKey === undefined) {
      await updateOwnData(session, name, { sshHostKey: hostKey });
    }
  };
  await (holdsLock
    ? write()
    : withMachineLock(session, name, { verb: 'ssh', timeoutMs: pinTimeoutMs }, write));
}
