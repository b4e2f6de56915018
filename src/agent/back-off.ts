const firstMs = 100;
const longestMs = 5_000;

/** How long to wait before trying again, after so many failures in a row (1 for the first). Milliseconds. */
export function backOffMs(failures: number): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 16));
}
