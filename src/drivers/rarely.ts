import type { Host } from '../host/types.ts';

/** Asks a question at most so often; in between the answer is no. */
export function rarely(
  host: Pick<Host, 'clock'>,
  everyMs: number,
): (ask: () => Promise<boolean>) => Promise<boolean> {
  let nextMs = host.clock.monotonicMs() + everyMs;
  return async (ask) => {
    if (host.clock.monotonicMs() < nextMs) {
      return false;
    }
    const answer = await ask();
    nextMs = host.clock.monotonicMs() + everyMs;
    return answer;
  };
}
