/** One line in which the guest says how far it has come. */
export interface GuestMark {
  /** Uptime of the guest's kernel. */
  readonly atSeconds: number;
  /** `init`, `net`, `ready`, …; `failed` when the guest gave up on something, `note` for a remark. */
  readonly phase: string;
  /** What follows the phase, cleaned of control characters; of a failure only the text. */
  readonly detail?: string;
  /** Only for `failed`: what the guest gave up on. */
  readonly failed?: string;
}

/** Phases of the image in the order in which a start passes them; `probe` and `off` stand alone. */
export const guestPhases = [
  'init',
  'stage2',
  'net',
  'data',
  'identity',
  'ssh',
  'engine-start',
  'engine',
  'tls',
  'ready',
] as const;

/** Longest line that is kept while its end has not arrived; a mark is far shorter. */
const lineCharsMax = 4096;
const detailCharsMax = 300;

// Firmware and boot loaders write ANSI sequences between and inside the lines.
// eslint-disable-next-line no-control-regex -- the escape character is what is searched for
const escapeSequence = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|[()][0-9A-Za-z]|[=>78cDEHM])/g;
// eslint-disable-next-line no-control-regex -- control characters are what is removed
const controlCharacters = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g;
const markPattern = /(?<![A-Za-z0-9])TS (\d{1,9}(?:\.\d{1,9})?) ([a-z][a-z0-9-]{0,31})(?: (.*))?$/;

/**
 * Reads the image's progress lines, `TS <uptime seconds> <phase>[ <detail>]`, out of a serial console.
 * The console is fed in pieces of any size; escape sequences, binary and text before the mark are
 * skipped, and a line counts once its end has arrived.
 */
export class GuestPhaseParser {
  readonly #decoder = new TextDecoder();
  #rest = '';

  /** The marks that this piece completes, in order. */
  feed(piece: Uint8Array): GuestMark[] {
    const text = this.#rest + this.#decoder.decode(piece, { stream: true });
    const lines = text.split(/[\r\n]+/);
    this.#rest = (lines.pop() ?? '').slice(-lineCharsMax);
    const marks: GuestMark[] = [];
    for (const line of lines) {
      const mark = parseGuestMark(line);
      if (mark !== undefined) {
        marks.push(mark);
      }
    }
    return marks;
  }
}

/** The mark in one line of the console, if there is one. */
export function parseGuestMark(line: string): GuestMark | undefined {
  const match = markPattern.exec(line.replaceAll(escapeSequence, '').slice(-lineCharsMax));
  const seconds = match?.[1];
  const phase = match?.[2];
  if (seconds === undefined || phase === undefined) {
    return undefined;
  }
  const atSeconds = Number(seconds);
  const detail = cleanGuestText(match?.[3] ?? '');
  if (phase === 'failed') {
    const [what = '', ...rest] = detail.split(':');
    return { atSeconds, phase, failed: what.trim(), detail: rest.join(':').trim() };
  }
  return detail === '' ? { atSeconds, phase } : { atSeconds, phase, detail };
}

/** Text of a guest as it may be shown: without control characters, of bounded length. */
export function cleanGuestText(text: string): string {
  return text
    .replaceAll(escapeSequence, '')
    .replaceAll(controlCharacters, ' ')
    .trim()
    .slice(0, detailCharsMax);
}
