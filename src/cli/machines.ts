import { loadRecord } from '../store/machine-files.ts';
import type { AnyCall } from './call.ts';

/**
 * Does something to every named machine, all at once. When one of them cannot be loaded, nothing is done at all.
 * @throws AggregateError with one error for each machine that failed.
 */
export async function forEachMachine(call: AnyCall, action: (name: string) => Promise<void>): Promise<void> {
  const names = await requireMachines(call);
  throwAll(await Promise.allSettled(names.map(action)));
}

/** What every machine gives, in the order in which they were named, and what went wrong. All are loaded first. */
export async function collect<T>(
  call: AnyCall,
  ask: (name: string) => Promise<T>,
): Promise<{ readonly found: readonly T[]; readonly results: readonly PromiseSettledResult<T>[] }> {
  await requireMachines(call);
  const results = await Promise.allSettled(call.args.map(ask));
  return {
    found: results.filter((result) => result.status === 'fulfilled').map((result) => result.value),
    results,
  };
}

/** The names that were given, each once. @throws MachineError when the record of one of them cannot be loaded. */
export async function requireMachines(call: AnyCall): Promise<string[]> {
  const names = [...new Set(call.args)];
  const { host, storePath } = call.session;
  throwAll(await Promise.allSettled(names.map(async (name) => loadRecord(host, storePath, name))));
  return names;
}

/** Throws what was rejected: one error as it is, several together. */
export function throwAll(results: readonly PromiseSettledResult<unknown>[]): void {
  const errors = results
    .filter((result) => result.status === 'rejected')
    .map((result): unknown => result.reason);
  if (errors.length === 1) {
    throw errors[0];
  }
  if (errors.length > 1) {
    throw new AggregateError(errors, `${errors.length} machines failed.`);
  }
}
