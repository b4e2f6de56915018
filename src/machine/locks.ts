import { withLock } from '../store/lock.ts';
import { buildersLockPath, certsLockPath, machineLockPath } from '../store/paths.ts';
import type { Session } from './session.ts';

const certsTimeoutMs = 120_000;
const buildersTimeoutMs = 60_000;

/** What is done under a machine's lock, and how long to wait for whoever holds it. */
export interface MachineWork {
  /** For those who wait for us: `create`, `stop`. */
  readonly verb: string;
  readonly timeoutMs: number;
}

/**
 * Does something to a machine while no other process does.
 * @throws MachineError `record-locked` that names the owner.
 */
export async function withMachineLock<T>(
  session: Session,
  name: string,
  work: MachineWork,
  action: () => Promise<T>,
): Promise<T> {
  return withLock(
    session.host,
    machineLockPath(session.storePath, name),
    {
      what: `${work.verb} ${name}`,
      timeoutMs: work.timeoutMs,
      signal: session.signal,
      onWait: (owner) => {
        if (owner.pid === session.host.facts.pid) {
          return;
        }
        const message = `Waiting for "${owner.command}" (process ${owner.pid}) to end.`;
        session.emit({ type: 'note', message, machine: name });
      },
    },
    action,
  );
}

const ownedTimeoutMs = 10 * 60_000;

/**
 * The same for what there is at a provider of a machine of which there is no record: one command takes it away, or back
 * into the store, and not both.
 * @param machineId a UUID
 */
export async function withOwnedLock<T>(
  session: Session,
  machineId: string,
  verb: string,
  action: () => Promise<T>,
): Promise<T> {
  return withMachineLock(session, machineId, { verb, timeoutMs: ownedTimeoutMs }, action);
}

/** The same for the CA and the client certificate of the store; waiting is short and not worth a word. */
export async function withCertsLock<T>(session: Session, action: () => Promise<T>): Promise<T> {
  return withLock(
    session.host,
    certsLockPath(session.storePath),
    { what: 'certificates', timeoutMs: certsTimeoutMs, signal: session.signal },
    action,
  );
}

/** The same for the records of builders. */
export async function withBuildersLock<T>(session: Session, action: () => Promise<T>): Promise<T> {
  return withLock(
    session.host,
    buildersLockPath(session.storePath),
    { what: 'builders', timeoutMs: buildersTimeoutMs, signal: session.signal },
    action,
  );
}
