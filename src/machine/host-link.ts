import { isMachineError } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { gatherFacts, type HostAccess } from '../provision/host.ts';
import type { HostFacts } from '../provision/facts.ts';
import { createRootShell } from '../provision/root-shell.ts';
import type { SshConnection } from '../ssh/types.ts';
import type { OpenMachine } from './open.ts';
import { connectSsh } from './remote.ts';
import type { Session } from './session.ts';

/** A host that was made a moment ago boots and makes its keys first; one that was there answers or does not. */
const newHostTimeoutMs = 6 * 60_000;
const presentHostTimeoutMs = 60_000;
const retryMs = 1_000;
const retryMaxMs = 5_000;
const tryTimeoutMs = 30_000;

/** The one connection to a host over which everything is done that a command does to it. The caller holds the machine's lock. */
export interface HostLink {
  /** Waits until the host takes SSH, and connects. */
  reach(): Promise<void>;
  access(): Promise<HostAccess>;
  /** What is known of the host; asked once. */
  facts(): Promise<HostFacts>;
  /** Something was changed: facts are asked for again. */
  forget(): void;
  close(): Promise<void>;
}

/** A link that connects when it is first used. It is closed with the session at the latest. */
export function createHostLink(session: Session, machine: OpenMachine): HostLink {
  let opening: Promise<SshConnection> | undefined;
  let known: Promise<HostFacts> | undefined;
  const open = (): Promise<SshConnection> => {
    if (opening === undefined) {
      opening = waitForSsh(session, machine);
      opening.catch(() => {
        opening = undefined;
      });
    }
    return opening;
  };
  const access = async (): Promise<HostAccess> => ({
    shell: createRootShell(await open()),
    token: Buffer.from(session.host.randomBytes(8)).toString('hex'),
    signal: session.signal,
    onProgress: (message) => {
      session.emit({ type: 'note', machine: machine.name, message });
    },
  });
  const close = async (): Promise<void> => {
    const connection = await opening?.catch(() => undefined);
    opening = undefined;
    await connection?.close();
  };
  session.atEnd(close);
  return {
    reach: async () => {
      await open();
    },
    access,
    facts: () => (known ??= access().then(gatherFacts)),
    forget: () => {
      known = undefined;
    },
    close,
  };
}

/**
 * Connects as soon as the host takes SSH, and says what it waits for.
 * @throws MachineError `timeout` with the last failure; at once what waiting does not change: `ssh-host-key-changed`,
 *   and `ssh-key-rejected` by a host that was there before.
 */
async function waitForSsh(session: Session, machine: OpenMachine): Promise<SshConnection> {
  const isNew = machine.driver.manifest.capabilities.power;
  let last = '';
  return waitFor(
    async () => {
      try {
        return await connectSsh(session, machine, { holdsLock: true, timeoutMs: tryTimeoutMs });
      } catch (error) {
        session.signal.throwIfAborted();
        if (!isPassing(error, isNew)) {
          throw error;
        }
        const why = `${error.message}${error.why === undefined ? '' : ` ${error.why}`}`;
        if (why !== last) {
          session.emit({ type: 'note', machine: machine.name, message: `Not yet: ${why}` });
          last = why;
        }
        return undefined;
      }
    },
    {
      clock: session.host.clock,
      timeoutMs: isNew ? newHostTimeoutMs : presentHostTimeoutMs,
      intervalMs: retryMs,
      intervalMaxMs: retryMaxMs,
      signal: session.signal,
      code: 'timeout',
      what: 'SSH of the machine to be available',
      hint: () => last,
    },
  );
}

function isPassing(error: unknown, isNew: boolean): error is Error & { readonly why?: string } {
  if (!isMachineError(error)) {
    return false;
  }
  const isRejected = error.code === 'ssh-key-rejected';
  return ['ssh-failed', 'machine-not-running', 'timeout'].includes(error.code) || (isNew && isRejected);
}
