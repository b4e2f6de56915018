import { isMachineError, MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import { fingerprintOf, parsePublicLine } from '../../ssh/keys.ts';
import type { OpenMachine } from '../open.ts';
import { loadOwnData, updateOwnData } from '../own-data.ts';
import { openTarget } from '../remote.ts';
import type { Session } from '../session.ts';
import { sshTargetOf } from '../ssh-target.ts';

/** The first connection to a machine that was found, by which its host key is known from then on. */

const newTimeoutMs = 6 * 60_000;
const presentTimeoutMs = 60_000;
const retryMs = 1_000;
const retryMaxMs = 5_000;
const tryTimeoutMs = 20_000;

/** These pass while a host boots; a key that is refused is refused for good. */
const passing: ReadonlySet<string> = new Set(['ssh-failed', 'machine-not-running', 'timeout']);

/**
 * Connects with the machine's key, and pins its host key where none is known: of a fingerprint that the user gave, or
 * whichever is shown, and then that is told. The caller holds the machine's lock.
 * @throws MachineError `ssh-key-rejected`, `ssh-host-key-changed`, `timeout`.
 */
export async function reachFirst(
  session: Session,
  machine: OpenMachine,
  { fingerprint, isBooting }: { readonly fingerprint?: string | undefined; readonly isBooting: boolean },
): Promise<void> {
  const { name } = machine;
  const { sshHostKey } = await loadOwnData(session, name);
  session.emit({ type: 'note', machine: name, message: 'Waiting for SSH to be available...' });
  let last = '';
  const onFailure = (message: string): void => {
    last = message;
  };
  const hostKey = await waitFor(() => tryOnce(session, machine, { fingerprint, onFailure }), {
    clock: session.host.clock,
    timeoutMs: isBooting ? newTimeoutMs : presentTimeoutMs,
    intervalMs: retryMs,
    intervalMaxMs: retryMaxMs,
    signal: session.signal,
    code: 'timeout',
    what: `SSH of "${name}" to be available`,
    hint: () =>
      `${last} Its firewall may let in only the computer that made it: open port 22 there for the address of this one.`,
  });
  if (sshHostKey !== undefined) {
    return;
  }
  await updateOwnData(session, name, { sshHostKey: hostKey });
  if (fingerprint === undefined) {
    const shown = fingerprintOf(parsePublicLine(hostKey).blob);
    const message = `The SSH host key of "${name}" is the one that it showed now, and nobody has vouched for it: ${shown}. Compare it with that of the machine; --ssh-host-key takes it.`;
    session.emit({ type: 'warn', machine: name, message });
  }
}

async function tryOnce(
  session: Session,
  machine: OpenMachine,
  {
    fingerprint,
    onFailure,
  }: { readonly fingerprint: string | undefined; readonly onFailure: (message: string) => void },
): Promise<string | undefined> {
  try {
    const target = await sshTargetOf(session, machine);
    requireSomeKey(session, target.keyPath);
    const trust =
      target.hostKey === undefined && fingerprint !== undefined
        ? ([{ fingerprint }] as const)
        : ([] as const);
    const connection = await openTarget(session, target, tryTimeoutMs, ...trust);
    await connection.close();
    return connection.hostKey;
  } catch (error) {
    session.signal.throwIfAborted();
    if (!isMachineError(error) || !passing.has(error.code)) {
      throw error;
    }
    onFailure(error.message);
    return undefined;
  }
}

function requireSomeKey({ host }: Session, keyPath: string | undefined): void {
  if (keyPath === undefined && (host.facts.env['SSH_AUTH_SOCK'] ?? '') === '') {
    throw new MachineError('ssh-key-rejected', 'There is no SSH key to log in with.', {
      why: "The machine's own was in the folder that is gone, and no agent of SSH runs.",
    });
  }
}
