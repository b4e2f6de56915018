import {
  afterEntry,
  fullBucket,
  grantAfterPause,
  type RateBudget,
  type RateEntry,
  type RateState,
} from './rate-state.ts';

/**
 * What processes tell each other of the requests that they send: a file to which each adds lines, and which all read in
 * the same way. A line is on its own: what cannot be read, as it was cut off or damaged, is passed over. Pure.
 *
 *   c 1767323045000 4711-1        a request of a process
 *   d 1767323045000 4711-2        one that removes something
 *   p 1767323045000 1767323075000 a pause and its end
 *   s 1767323045000 {"fullMs":[…  how it was when the file was begun
 */

/** An entry as it stands in the file. */
export type RateLine = RateEntry & { readonly id?: string };

/** What the lines come to. */
export interface Replayed {
  readonly state: RateState;
  /** From when on the request with the id that was looked for may be sent; undefined when it is not there. */
  readonly grantMs?: number;
}

const letters = { call: 'c', removal: 'd', pause: 'p', state: 's' } as const;
const kinds: Readonly<Record<string, RateEntry['kind']>> = {
  c: 'call',
  d: 'removal',
  p: 'pause',
  s: 'state',
};
const lineForm = /^([cdps]) (\d{1,15}) (.+)$/;

/** A line with its ends: one in front too, as the one before may have been cut off. */
export function formatLine(line: RateLine): string {
  const rest =
    line.kind === 'pause'
      ? String(Math.ceil(line.untilMs))
      : line.kind === 'state'
        ? JSON.stringify(line.state)
        : (line.id ?? '-');
  return `\n${letters[line.kind]} ${Math.floor(line.atMs)} ${rest}\n`;
}

/**
 * Goes through the lines in their order.
 * @param nowMs what is said to be later was written before the clock was set back, and counts as of now
 */
export function replay(
  text: string,
  { budget, nowMs, id }: { readonly budget: RateBudget; readonly nowMs: number; readonly id?: string },
): Replayed {
  let state = fullBucket;
  let grantMs: number | undefined;
  for (const each of text.split('\n')) {
    const line = parseLine(each, nowMs);
    if (line === undefined) {
      continue;
    }
    if (line.kind === 'pause' && grantMs !== undefined) {
      grantMs = grantAfterPause(grantMs, state, line);
    }
    const after = afterEntry(state, line, budget);
    if (id !== undefined && line.id === id) {
      ({ grantMs } = after);
    }
    ({ state } = after);
  }
  return { state, ...(grantMs === undefined ? {} : { grantMs }) };
}

function parseLine(text: string, nowMs: number): RateLine | undefined {
  const [, letter = '', at = '', rest = ''] = lineForm.exec(text) ?? [];
  const kind = kinds[letter];
  const atMs = Math.min(Number(at), nowMs);
  switch (kind) {
    case 'call':
    case 'removal':
      return { kind, atMs, id: rest };
    case 'pause': {
      const untilMs = Number(rest);
      // It lasts as long as it was meant to, wherever the clock is by now.
      return Number.isFinite(untilMs) ? { kind, atMs, untilMs: atMs + (untilMs - Number(at)) } : undefined;
    }
    case 'state': {
      const state = parseState(rest);
      return state === undefined ? undefined : { kind, atMs, state };
    }
    default:
      return undefined;
  }
}

function parseState(text: string): RateState | undefined {
  try {
    const { fullMs, reserveFullMs, pausedUntilMs } = JSON.parse(text) as Partial<
      Record<keyof RateState, unknown>
    >;
    const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
    return Array.isArray(fullMs) && fullMs.every(isTime) && isTime(reserveFullMs) && isTime(pausedUntilMs)
      ? { fullMs, reserveFullMs, pausedUntilMs }
      : undefined;
  } catch {
    return undefined;
  }
}
