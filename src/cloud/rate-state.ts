/**
 * How many requests a cloud is sent: the arithmetic of buckets whose tokens come back with time. Pure; times in
 * milliseconds of any clock.
 */

/** So many requests at once, and then so many a second. */
export interface RateLimit {
  readonly burst: number;
  readonly perSecond: number;
}

/** What is sent at most. */
export interface RateBudget {
  /** All of them hold at the same time: so many a minute, and so many an hour. */
  readonly limits: readonly RateLimit[];
  /** Requests that remove something may be sent at once though so many others wait; these are kept free of others. */
  readonly reserve: number;
}

/** How full the buckets are: for each the moment at which it is full again, if nothing more is taken out. */
export interface RateState {
  readonly fullMs: readonly number[];
  readonly reserveFullMs: number;
  /** Until then nothing is sent, as the server said so. */
  readonly pausedUntilMs: number;
}

/** What happens to the buckets. */
export type RateEntry =
  | { readonly kind: 'call' | 'removal'; readonly atMs: number }
  | { readonly kind: 'pause'; readonly atMs: number; readonly untilMs: number }
  /** How full they were at that moment, as somebody else has reckoned. */
  | { readonly kind: 'state'; readonly atMs: number; readonly state: RateState };

/** Before anything was taken out. */
export const fullBucket: RateState = { fullMs: [], reserveFullMs: 0, pausedUntilMs: 0 };

/** A server is asked again after so long, whatever it said. */
export const pauseMaxMs = 120_000;
/** Nobody stands further back in the queue than this, whatever a file says. */
const queueMaxMs = 30 * 60_000;
const fullMaxMs = 24 * 60 * 60_000;

/** The buckets after an entry, and from when on the request of it may be sent. */
export function afterEntry(
  state: RateState,
  entry: RateEntry,
  budget: RateBudget,
): { readonly state: RateState; readonly grantMs?: number } {
  switch (entry.kind) {
    case 'call':
    case 'removal':
      return afterRequest(state, entry, budget);
    case 'pause':
      return { state: afterPause(state, entry, budget) };
    case 'state':
      return { state: laterOf(state, entry.state, entry.atMs) };
  }
}

/** When a request that was granted earlier may be sent, if a pause comes after it. */
export function grantAfterPause(
  grantMs: number,
  before: RateState,
  { atMs, untilMs }: { readonly atMs: number; readonly untilMs: number },
): number {
  return grantMs <= atMs ? grantMs : grantMs + pauseLength(before, atMs, untilMs);
}

function afterRequest(
  { fullMs, reserveFullMs, pausedUntilMs }: RateState,
  { kind, atMs }: { readonly kind: 'call' | 'removal'; readonly atMs: number },
  { limits, reserve }: RateBudget,
): { readonly state: RateState; readonly grantMs: number } {
  const readyMs = Math.max(atMs, pausedUntilMs);
  const slowest = { burst: reserve, perSecond: Math.min(...limits.map(({ perSecond }) => perSecond)) };
  const grantMs = Math.min(
    readyMs + queueMaxMs,
    kind === 'removal'
      ? Math.max(readyMs, freeMs(slowest, reserveFullMs))
      : Math.max(readyMs, ...limits.map((limit, index) => freeMs(limit, fullMs[index] ?? 0))),
  );
  // A removal goes before the others, and so they wait for it.
  const takenMs = kind === 'removal' ? readyMs : grantMs;
  return {
    state: {
      fullMs: limits.map((limit, index) => Math.max(fullMs[index] ?? 0, takenMs) + tokenMs(limit)),
      reserveFullMs: kind === 'removal' ? Math.max(reserveFullMs, grantMs) + tokenMs(slowest) : reserveFullMs,
      pausedUntilMs,
    },
    grantMs,
  };
}

/** The clock of the queue stands still, and at the end of the pause no bucket holds anything that was saved up before. */
function afterPause(
  state: RateState,
  { atMs, untilMs }: { readonly atMs: number; readonly untilMs: number },
  { limits }: RateBudget,
): RateState {
  const untilAtMostMs = Math.min(untilMs, atMs + pauseMaxMs);
  const lengthMs = pauseLength(state, atMs, untilMs);
  if (lengthMs === 0) {
    return state;
  }
  // What is saved up in an hour is no matter of a refusal now: the first limit is that of the shortest time.
  const fullMs = limits.map((limit, index) => {
    const shiftedMs = (state.fullMs[index] ?? 0) + ((state.fullMs[index] ?? 0) > atMs ? lengthMs : 0);
    return index === 0 ? Math.max(shiftedMs, untilAtMostMs + (limit.burst - 1) * tokenMs(limit)) : shiftedMs;
  });
  return { ...state, fullMs, pausedUntilMs: untilAtMostMs };
}

/** By how much a pause makes the one longer that may be going on. */
function pauseLength({ pausedUntilMs }: RateState, atMs: number, untilMs: number): number {
  return Math.max(0, Math.min(untilMs, atMs + pauseMaxMs) - Math.max(atMs, pausedUntilMs));
}

function laterOf(one: RateState, other: RateState, atMs: number): RateState {
  const count = Math.max(one.fullMs.length, other.fullMs.length);
  const bounded = (ms: number, maxMs: number): number => Math.min(ms, atMs + maxMs);
  return {
    fullMs: Array.from({ length: count }, (_, index) =>
      Math.max(one.fullMs[index] ?? 0, bounded(other.fullMs[index] ?? 0, fullMaxMs)),
    ),
    reserveFullMs: Math.max(one.reserveFullMs, bounded(other.reserveFullMs, fullMaxMs)),
    pausedUntilMs: Math.max(one.pausedUntilMs, bounded(other.pausedUntilMs, pauseMaxMs)),
  };
}

/** When there is a token again. */
function freeMs(limit: RateLimit, fullMs: number): number {
  return fullMs - (limit.burst - 1) * tokenMs(limit);
}

function tokenMs({ perSecond }: RateLimit): number {
  return 1000 / perSecond;
}
