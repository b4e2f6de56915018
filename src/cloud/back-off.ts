/** How long one waits before a request is sent again. Pure. */

const firstMs = 500;
const longestMs = 20_000;

/**
 * Full jitter: anything between nothing and a bound that doubles with each attempt, so that many who were turned away at
 * once do not come back at once.
 * @param attempt 1 for the pause before the second sending
 * @param random 0 to 1
 */
export function backOffMs(attempt: number, random: number): number {
  return Math.round(Math.min(longestMs, firstMs * 2 ** Math.min(attempt, 16)) * random);
}

/**
 * What a server asks for: `Retry-After` in seconds or as a date (RFC 9110, 10.2.3), or `ratelimit-reset` in seconds since
 * the epoch. Undefined when it asks for nothing that can be read.
 */
export function askedPauseMs(headers: Readonly<Record<string, string>>, nowMs: number): number | undefined {
  const after = headers['retry-after'];
  if (after !== undefined) {
    const untilMs = /^\d{1,6}$/.test(after) ? nowMs + Number(after) * 1000 : Date.parse(after);
    return Number.isNaN(untilMs) ? undefined : Math.max(0, untilMs - nowMs);
  }
  const reset = headers['ratelimit-reset'];
  const used = headers['ratelimit-remaining'];
  if (reset !== undefined && used === '0' && /^\d{1,12}$/.test(reset)) {
    return Math.max(0, Number(reset) * 1000 - nowMs);
  }
  return undefined;
}

/** A random number from 0 to 1, from bytes that are. */
export function randomFraction(randomness: { randomBytes(count: number): Uint8Array }): number {
  const [high = 0, low = 0] = randomness.randomBytes(2);
  return (high * 256 + low) / 65_535;
}
