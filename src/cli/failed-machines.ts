import { isMachineError, MachineError, messageOf } from '../core/errors.ts';
import { compareNaturally } from '../machine/natural-order.ts';

/** A machine and why it could not be made. */
export interface FailedMachine {
  readonly name: string;
  readonly error: unknown;
}

/**
 * What went wrong with many machines, each reason once: with the names of those that it holds for, and what can be done for
 * all of them. An error of one machine alone stays as it is.
 */
export function togetherByReason(failed: readonly FailedMachine[]): readonly unknown[] {
  const groups = new Map<string, FailedMachine[]>();
  for (const each of failed) {
    const key = reasonOf(each);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()].map(joined);
}

/** Equal for errors that differ in nothing but the name of the machine. */
function reasonOf({ name, error }: FailedMachine): string {
  const known = isMachineError(error) ? [error.code, error.why ?? ''] : [];
  return JSON.stringify([...known, messageOf(error)]).replaceAll(name, 'NAME');
}

function joined(failed: readonly FailedMachine[]): unknown {
  const [first, ...more] = failed;
  if (first === undefined || more.length === 0 || !isMachineError(first.error)) {
    return first?.error;
  }
  const { error } = first;
  const names = failed.map(({ name }) => name).sort(compareNaturally);
  const general = (text: string): string => text.replaceAll(first.name, 'NAME');
  return new MachineError(
    error.code,
    `${names.length} machines (${names.join(', ')}): ${general(error.message)}`,
    {
      ...(error.why === undefined ? {} : { why: general(error.why) }),
      facts: { ...error.facts, machines: names },
      cause: error.cause,
      exitCode: error.exitCode,
      remedies: error.remedies.map((remedy) => {
        const isRemoval = /\btsmachine rm (\S+)$/.exec(remedy)?.[1] === first.name;
        return isRemoval ? remedy.replace(/\S+$/, names.join(' ')) : general(remedy);
      }),
    },
  );
}
