import { isMachineError, messageOf } from '../core/errors.ts';
import type { LinkAnswer } from '../engine/link.ts';
import type { OpenMachine } from '../machine/open.ts';
import type { Session } from '../machine/session.ts';
import { clockError, JumpWatch, setGuestClock } from './guest-clock.ts';
import { withSsh } from './ways.ts';

/** A guest whose clock cannot be kept is not asked all the time. */
const pauseMs = 20_000;

/** Keeps the clock of a guest of ours; hosts that are somebody else's keep their own. */
export class ClockKeeper {
  readonly #session: Session;
  readonly #machine: OpenMachine;
  readonly #jumps: JumpWatch;
  #nextMs = 0;

  constructor(session: Session, machine: OpenMachine) {
    this.#session = session;
    this.#machine = machine;
    this.#jumps = new JumpWatch(session.host.clock);
  }

  /** True once after this computer has slept or its clock was set. */
  hasJumped(): boolean {
    const jumped = this.#jumps.hasJumped();
    if (jumped) {
      this.#nextMs = 0;
    }
    return jumped;
  }

  /** Sets the guest's clock when an answer of its engine shows that it is wrong. Never throws for a guest that refuses. */
  async look(answer: LinkAnswer): Promise<void> {
    const aheadMs = clockError(answer);
    if (aheadMs !== undefined) {
      const seconds = (Math.abs(aheadMs) / 1000).toFixed(1);
      await this.#set(`The clock of the guest was ${seconds} s ${aheadMs > 0 ? 'ahead' : 'behind'}.`);
    }
  }

  /** A guest whose clock is far off may find our certificates expired, and then its engine does not talk to us. */
  async considerFailure(error: unknown): Promise<void> {
    const code = (error as { readonly code?: unknown }).code;
    const isTls = isMachineError(error)
      ? error.code === 'tls-mismatch'
      : typeof code === 'string' && /SSL|TLS|CERT/.test(code);
    if (isTls) {
      await this.#set('The clock of the guest may be wrong.');
    }
  }

  async #set(why: string): Promise<void> {
    const { host, signal, emit } = this.#session;
    if (
      this.#machine.driver.manifest.capabilities.boots !== 'image' ||
      host.clock.monotonicMs() < this.#nextMs
    ) {
      return;
    }
    this.#nextMs = host.clock.monotonicMs() + pauseMs;
    try {
      await withSsh(this.#session, this.#machine, async (connection) =>
        setGuestClock(host.clock, connection, signal),
      );
      emit({ type: 'note', message: `${why} It has been set.` });
    } catch (error) {
      signal.throwIfAborted();
      emit({ type: 'note', message: `${why} It could not be set: ${messageOf(error)}` });
    }
  }
}
