import { isMachineError, MachineError, messageOf } from '../core/errors.ts';
import type { Problem } from '../machine/garbage/places.ts';
import { placesFile } from '../store/paths.ts';
import type { AnyCall } from './call.ts';

/** Nobody could look into a place. @param what for people: `What is left over` */
export function unseen(call: AnyCall, { place, error }: Problem, what: string): MachineError {
  const flags = Object.entries(place.flags).map(([name, value]) => `--${name}=${String(value)}`);
  const message = `${what} in ${[place.driver, ...flags].join(' ')} is not known: ${messageOf(error)}`;
  return wrapped(error, message, [
    `Is it gone for good? Then take it out of ${placesFile(call.session.storePath)}`,
  ]);
}

/** An error with words around it, which makes the command fail in the ordinary way. */
export function wrapped(error: unknown, message: string, more: readonly string[]): MachineError {
  if (!isMachineError(error)) {
    return new MachineError('bug', message, { cause: error });
  }
  return new MachineError(error.code, message, {
    ...(error.why === undefined ? {} : { why: error.why }),
    facts: error.facts,
    remedies: [...error.remedies, ...more],
    cause: error,
    exitCode: 1,
  });
}
