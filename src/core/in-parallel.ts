/**
 * Does something for every item, some at a time, in their order; all of them, whatever becomes of the others.
 * @param atOnceMax how many at a time, at least 1
 */
export async function settleInParallel<T, R>(
  items: readonly T[],
  atOnceMax: number,
  action: (item: T) => Promise<R>,
): Promise<PromiseSettledResult<R>[]> {
  const results: PromiseSettledResult<R>[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      [results[index]] = await Promise.allSettled([action(items[index] as T)]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnceMax, items.length) }, work));
  return results;
}
