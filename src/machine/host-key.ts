import { isMachineError, messageOf } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import {
  installHostKey,
  prepareHostKey,
  removeKeyCopies,
  type HostKeyPlace,
  type UserDataPlace,
} from '../provision/host-key.ts';
import { publicLineOf } from '../ssh/keys.ts';
import type { HostLink } from './host-link.ts';
import { machinePaths } from './machine-paths.ts';
import type { OpenMachine } from './open.ts';
import { loadOwnData, updateOwnData } from './own-data.ts';
import { openTarget } from './remote.ts';
import type { Session } from './session.ts';
import { isSameKey, settleHostKey } from './settle-host-key.ts';
import { sshTargetOf } from './ssh-target.ts';

// The key with which a host at a provider boots first stands in its user data, which every process on it can read. So it
// is good for the first connection, and gets another one over that.

const verifyTimeoutMs = 30_000;
const verifyIntervalMs = 250;
const verifyIntervalMaxMs = 2_000;
const connectTimeoutMs = 10_000;

/** What is needed to change the key; the caller holds the machine's lock. */
export interface KeyChange {
  readonly session: Session;
  readonly machine: OpenMachine;
  readonly link: HostLink;
  /** Other than usual. */
  readonly place?: HostKeyPlace;
}

/**
 * Has a machine that still shows the key of its user data make one of its own. From before the server changes until it was
 * seen to show the new key, both are accepted; what was broken off anywhere is gone on with. A machine that cannot do it is
 * left with the key that it has, and that is said.
 * @throws MachineError `ssh-failed` when the connection is lost, `store-write-failed`.
 */
export async function changeGivenKey(change: KeyChange): Promise<void> {
  const { session, machine, link } = change;
  const given = await givenKey(session, machine);
  const { sshHostKey, nextSshHostKey } = await loadOwnData(session, machine.name);
  if (given === undefined || sshHostKey === undefined || !isSameKey(publicLineOf(given), sshHostKey)) {
    return;
  }
  try {
    const { shell, signal } = await link.access();
    const work = { shell, signal, place: change.place };
    const next = await prepareHostKey(work, sshHostKey);
    if (nextSshHostKey !== next) {
      await updateOwnData(session, machine.name, { nextSshHostKey: next });
    }
    await installHostKey(work, next);
    await seeHostKey(session, machine, next);
    await settleHostKey(session, machine, next);
  } catch (error) {
    session.signal.throwIfAborted();
    if (!isMachineError(error) || !['provision-failed', 'timeout'].includes(error.code)) {
      throw error;
    }
    const why = error.why ?? messageOf(error);
    const message = `"${machine.name}" keeps the SSH host key of its user data, which whoever reads that knows: ${why}`;
    session.emit({ type: 'warn', machine: machine.name, message });
    return;
  }
  // What follows goes over a connection that nobody else could have taken.
  await link.close();
}

/** Connects anew until the server shows the key. @throws MachineError `timeout`. */
async function seeHostKey(session: Session, machine: OpenMachine, hostKey: string): Promise<void> {
  let last = '';
  const target = { ...(await sshTargetOf(session, machine)), hostKey, nextHostKey: undefined };
  await waitFor(
    async () => {
      try {
        const connection = await openTarget(session, target, connectTimeoutMs);
        await connection.close();
        return true;
      } catch (error) {
        session.signal.throwIfAborted();
        if (!isMachineError(error)) {
          throw error;
        }
        last = error.message;
        return undefined;
      }
    },
    {
      clock: session.host.clock,
      timeoutMs: verifyTimeoutMs,
      intervalMs: verifyIntervalMs,
      intervalMaxMs: verifyIntervalMaxMs,
      signal: session.signal,
      code: 'timeout',
      what: 'the SSH server to show its new key',
      hint: () => last,
    },
  );
}

/**
 * Removes the first key, once it is not the machine's any more, from the machine's disk and from the store. What is left of it
 * is the user data at the provider, and of no use.
 * @throws MachineError `ssh-failed`.
 */
export async function forgetGivenKey(
  change: Omit<KeyChange, 'place'> & { readonly place?: UserDataPlace },
): Promise<void> {
  const { session, machine, link } = change;
  const given = await givenKey(session, machine);
  const { sshHostKey, nextSshHostKey } = await loadOwnData(session, machine.name);
  // A machine that was adopted has no first key here.
  if (given === undefined || sshHostKey === undefined || nextSshHostKey !== undefined) {
    return;
  }
  if (isSameKey(sshHostKey, publicLineOf(given))) {
    return;
  }
  try {
    const { shell, signal } = await link.access();
    if (await removeKeyCopies({ shell, signal, place: change.place }, given)) {
      await session.host.files.remove(machinePaths(machine.directory).sshHostKey);
    }
  } catch (error) {
    if (!isMachineError(error) || error.code !== 'provision-failed') {
      throw error;
    }
    const message = `A copy of the SSH host key that "${machine.name}" does not have any more is left on its disk: ${error.why ?? ''}`;
    session.emit({ type: 'note', machine: machine.name, message });
  }
}

async function givenKey({ host }: Session, { directory }: OpenMachine): Promise<string | undefined> {
  const path = machinePaths(directory).sshHostKey;
  return (await host.files.stat(path)) === undefined ? undefined : host.files.readText(path);
}
