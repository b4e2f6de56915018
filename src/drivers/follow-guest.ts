import { MachineError, systemCode } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import type { DriverContext } from './driver.ts';
import { GuestPhaseParser, type GuestMark } from './guest-phases.ts';

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
  /** True when the virtual machine has ended. */
  readonly hasEnded: () => boolean | Promise<boolean>;
  /** The error for one that ended before it was ready; `last` is the last phase that it reached. */
  readonly endedError: (last: GuestMark | undefined) => Promise<MachineError>;
  /** Asked as long as the guest has said nothing: its console may lead nowhere although it works. */
  readonly isReadyInSilence?: () => Promise<boolean>;
  /** The phase that is waited for, `ready` by default. */
  readonly until?: 'ready' | 'template';
  /** Between two looks at the console. */
  readonly pauseMs?: number;
}

const defaultPauseMs = 50;
const pieceBytesMax = 64 * 1024;

/**
 * Reads the console until the guest says `ready`, or what else is waited for.
 * @throws MachineError `guest-failed` (the guest gave up on something), `vm-boot-timeout` (facts: phase,
 *   the last one), and `endedError`.
 */
export async function followUntilReady(options: FollowOptions): Promise<void> {
  const { host, limits, signal } = options;
  const console = new ConsoleReader(host, options.consolePath);
  const startedMs = host.clock.monotonicMs();
  let last: GuestMark | undefined;
  for (;;) {
    // Asked before reading: what the guest wrote before the end is then read for certain.
    const hasEnded = await options.hasEnded();
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
      throw await options.endedError(last);
    }
    if (last === undefined && (await options.isReadyInSilence?.()) === true) {
      return;
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

/** What the guest of this start said with its `ready`: its addresses; undefined when it is not ready yet. */
export async function readyDetail(host: Host, consolePath: string): Promise<string | undefined> {
  const marks = await new ConsoleReader(host, consolePath).readMarks();
  return marks.find((mark) => mark.phase === 'ready')?.detail;
}

/** Passes on what a guest says of its start. */
export function reportMark(
  { emit, name }: Pick<DriverContext<unknown>, 'emit' | 'name'>,
  mark: GuestMark,
): void {
  if (mark.phase === 'note') {
    emit({ type: 'note', machine: name, message: mark.detail ?? '' });
  } else if (mark.phase !== 'failed') {
    emit({ type: 'phase', machine: name, phase: mark.phase, atSeconds: mark.atSeconds });
  }
}

/** Keeps the console of the start before under another name, so that this one begins with nothing. */
export async function keepConsole(
  { files }: Host,
  { console, consoleBefore }: { readonly console: string; readonly consoleBefore: string },
): Promise<void> {
  if ((await files.stat(console)) !== undefined) {
    await files.remove(consoleBefore);
    await files.rename(console, consoleBefore);
  }
}

/** Asks a question that costs a process or a connection at most so often; in between the answer is no. */
export function rarely(
  clock: Host['clock'],
  everyMs: number,
): (ask: () => Promise<boolean>) => Promise<boolean> {
  let nextMs = clock.monotonicMs() + everyMs;
  return async (ask) => {
    if (clock.monotonicMs() < nextMs) {
      return false;
    }
    const answer = await ask();
    nextMs = clock.monotonicMs() + everyMs;
    return answer;
  };
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
