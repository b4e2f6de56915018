import { MachineError } from '../core/errors.ts';
import type { LinkAnswer } from '../engine/link.ts';
import type { Clock } from '../host/types.ts';
import type { SshConnection } from '../ssh/types.ts';

/** The engine tells its time in whole seconds; a guest whose clock is right is never farther off than this. */
const toleranceMs = 1_000;
/** Longer than a program is kept waiting on a busy computer. */
const jumpMs = 1_500;
const timeoutMs = 20_000;
/** From the writing of the time here to its setting there. */
const deliveryMs = 20;

/**
 * How far the guest's clock is ahead of this computer's, in ms, as an answer of its engine tells; undefined when it is
 * right as far as that can be known, or nothing is known.
 */
export function clockError({ engineMs, sentMs, answeredMs }: LinkAnswer): number | undefined {
  if (engineMs === undefined) {
    return undefined;
  }
  // Half a second in the middle of those that the header leaves out.
  const aheadMs = engineMs + 500 - (sentMs + answeredMs) / 2;
  const doubtMs = Math.abs(answeredMs - sentMs) / 2;
  return Math.abs(aheadMs) > toleranceMs + doubtMs ? aheadMs : undefined;
}

/** Notices that this computer slept, or that its clock was set: the wall clock has gone another way than the steady one. */
export class JumpWatch {
  readonly #clock: Clock;
  #differenceMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#differenceMs = clock.nowMs() - clock.monotonicMs();
  }

  /** True once for every jump since the last call. */
  hasJumped(): boolean {
    const differenceMs = this.#clock.nowMs() - this.#clock.monotonicMs();
    const jumped = Math.abs(differenceMs - this.#differenceMs) > jumpMs;
    this.#differenceMs = differenceMs;
    return jumped;
  }
}

/**
 * Sets the guest's clock by this computer's, to about a tenth of a second: the guest takes whole seconds, so it is told
 * in the moment in which one begins.
 * @throws MachineError `program-failed`, `timeout`, and what the connection throws.
 */
export async function setGuestClock(
  clock: Clock,
  connection: SshConnection,
  signal: AbortSignal,
): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const command = `sudo -n sh -c 'echo ready; read -r now && date -s "@$now" >/dev/null'`;
  const remote = await connection.start(command, { signal: limit });
  const onAbort = (): void => {
    remote.kill();
  };
  limit.addEventListener('abort', onAbort, { once: true });
  try {
    remote.stderr.resume();
    await new Promise<void>((resolve, reject) => {
      remote.stdout.once('data', () => {
        resolve();
      });
      remote.ended.then(() => {
        resolve();
      }, reject);
    });
    remote.stdout.resume();
    const nextSecond = Math.ceil((clock.nowMs() + deliveryMs) / 1000);
    await clock.sleep(Math.max(0, nextSecond * 1000 - deliveryMs - clock.nowMs()), limit);
    remote.stdin.end(`${String(nextSecond)}\n`);
    const { exitCode } = await remote.ended;
    if (exitCode !== 0) {
      throw new MachineError('program-failed', 'The clock of the guest could not be set.', {
        facts: { exitCode },
      });
    }
  } finally {
    limit.removeEventListener('abort', onAbort);
  }
}
