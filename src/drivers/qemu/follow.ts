import { MachineError, systemCode } from '../../core/errors.ts';
import { GuestPhaseParser, type GuestMark } from '../guest-phases.ts';
import type { Host } from '../../host/types.ts';
import { endedEarly, startFailure } from './failures.ts';

/** How long a start may take. */
export interface StartLimits {
  /** Until the guest's init speaks. */
  readonly firstMarkTimeoutMs: number;
  /** Until it is ready, counted from the start. */
  readonly readyTimeoutMs: number;
}

/** What to watch while a guest starts. */
export interface FollowOptions {
  readonly host: Host;
  readonly consolePath: string;
  readonly limits: StartLimits;
  readonly signal: AbortSignal;
  /** Called for every mark in its order. */
  readonly onMark: (mark: GuestMark) => void;
  /** True when QEMU has ended. */
  readonly hasEnded: () => boolean;
  /** What QEMU wrote, for the error. */
  readonly readLog: () => Promise<string>;
  /** The phase that is waited for, `ready` by default. */
  readonly until?: 'ready' | 'template';
  /** Between two looks at the console. */
  readonly pauseMs?: number;
}

/** Measured: a whole start takes about 10 s under emulation on two cores, a few seconds accelerated. */
const emulatedLimits: StartLimits = { firstMarkTimeoutMs: 60_000, readyTimeoutMs: 180_000 };
const acceleratedLimits: StartLimits = { firstMarkTimeoutMs: 10_000, readyTimeoutMs: 60_000 };

/** How long a boot may take. */
export function limitsFor(accelerator: string): StartLimits {
  return accelerator === 'tcg' ? emulatedLimits : acceleratedLimits;
}

const defaultPauseMs = 50;
const pieceBytesMax = 64 * 1024;

/**
 * Reads the console until the guest says `ready`, or what else is waited for.
 * @throws MachineError `guest-failed` (the guest gave up on something), `vm-boot-timeout` (facts: phase,
 *   the last one), `vm-start-failed` (QEMU ended; facts: reason).
 */
export async function followUntilReady(options: FollowOptions): Promise<void> {
  const { host, limits, signal } = options;
  const console = new ConsoleReader(host, options.consolePath);
  const startedMs = host.clock.monotonicMs();
  let last: GuestMark | undefined;
  for (;;) {
    // Asked before reading: what the guest wrote before the end is then read for certain.
    const hasEnded = options.hasEnded();
    for (const mark of await console.readMarks()) {
      options.onMark(mark);
      last = mark.phase === 'note' ? last : mark;
      if (mark.phase === 'failed') {
        throw guestFailure(mark);
      }
      if (mark.phase === (options.until ?? 'ready')) {
        return;
      }
    }
    if (hasEnded) {
      throw await endedError(last, options);
    }
    const waitedMs = host.clock.monotonicMs() - startedMs;
    const limitMs =
      last === undefined ? Math.min(limits.firstMarkTimeoutMs, limits.readyTimeoutMs) : limits.readyTimeoutMs;
    if (waitedMs >= limitMs) {
      throw timeoutError(last, limitMs);
    }
    await host.clock.sleep(Math.min(options.pauseMs ?? defaultPauseMs, limitMs - waitedMs), signal);
  }
}

/** True when the console of this start says already that the guest is ready. */
export async function isReady(host: Host, consolePath: string): Promise<boolean> {
  const marks = await new ConsoleReader(host, consolePath).readMarks();
  return marks.some((mark) => mark.phase === 'ready');
}

class ConsoleReader {
  readonly #host: Host;
  readonly #path: string;
  readonly #parser = new GuestPhaseParser();
  #offset = 0;

  constructor(host: Host, path: string) {
    this.#host = host;
    this.#path = path;
  }

  /** The marks that have come since the last call. */
  async readMarks(): Promise<GuestMark[]> {
    const marks: GuestMark[] = [];
    for (;;) {
      const piece = await this.#readPiece();
      this.#offset += piece.length;
      marks.push(...this.#parser.feed(piece));
      if (piece.length < pieceBytesMax) {
        return marks;
      }
    }
  }

  async #readPiece(): Promise<Uint8Array> {
    try {
      return await this.#host.files.readRange(this.#path, this.#offset, pieceBytesMax);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') {
        return new Uint8Array();
      }
      throw error;
    }
  }
}

function guestFailure(mark: GuestMark): MachineError {
  const what = mark.failed === undefined || mark.failed === '' ? 'its start' : mark.failed;
  return new MachineError('guest-failed', `The machine gave up on ${what}.`, {
    ...(mark.detail === undefined || mark.detail === '' ? {} : { why: mark.detail }),
    facts: { failed: what, atSeconds: mark.atSeconds },
  });
}

function timeoutError(last: GuestMark | undefined, limitMs: number): MachineError {
  const seconds = Math.round(limitMs / 1000);
  return new MachineError('vm-boot-timeout', `The machine was not ready after ${seconds} s.`, {
    why:
      last === undefined
        ? 'Its kernel gave no sign of life.'
        : `The last phase it reached was "${last.phase}", ${last.atSeconds} s after power-on.`,
    facts: { phase: last?.phase ?? '' },
  });
}

async function endedError(last: GuestMark | undefined, options: FollowOptions): Promise<MachineError> {
  const log = await options.readLog();
  if (last === undefined) {
    return endedEarly(log);
  }
  return startFailure(
    log,
    `The machine powered off or crashed while it started, after the phase "${last.phase}".`,
  );
}
