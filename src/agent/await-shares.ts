import { messageOf } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { openMachine } from '../machine/open.ts';
import { loadOwnData } from '../machine/own-data.ts';
import type { Session } from '../machine/session.ts';
import { findAgent } from './control.ts';
import { readAgentState } from './state.ts';

const timeoutMs = 60_000;
const pauseMs = 50;

/**
 * Waits until the agent of a machine has brought its shares, where it is the agent that does. Never throws: the machine
 * is of use without them, and the agent goes on trying.
 */
export async function awaitShares(session: Session, name: string): Promise<void> {
  const { clock } = session.host;
  try {
    const { shares } = await loadOwnData(session, name);
    if (!shares.some(({ way }) => way === 'sftp')) {
      return;
    }
    const { directory } = await openMachine(session, name);
    const missing = await waitFor(
      async () => {
        const agent = await findAgent(session, name);
        const state = agent === undefined ? undefined : await readAgentState(session, directory, agent);
        const known = state?.mounts?.every(
          ({ state, reason }) => state === 'mounted' || reason !== undefined,
        );
        return known === true
          ? (state?.mounts?.find(({ reason }) => reason !== undefined) ?? true)
          : undefined;
      },
      { clock, timeoutMs, intervalMs: pauseMs, signal: session.signal, code: 'timeout', what: 'the agent' },
    );
    if (missing !== true) {
      throw new Error(`${missing.path}: ${missing.reason ?? ''}`);
    }
  } catch (error) {
    session.signal.throwIfAborted();
    const message = `The shared directories of "${name}" are not all there: ${messageOf(error)} See: tsmachine logs --log agent ${name}`;
    session.emit({ type: 'warn', message, machine: name });
  }
}
