import { isMachineError, MachineError, messageOf } from '../core/errors.ts';
import type { Problem, Wanted } from '../machine/garbage/places.ts';
import { placesFile } from '../store/paths.ts';
import type { AnyCall } from './call.ts';
import type { DriverLine } from './driver-line.ts';
import { splitSecrets } from './secret-flags.ts';

/** Flags of the driver name a place more only if some were given: their defaults are no wish. */
export function wantedPlaces(call: AnyCall, { manifest, values, given }: DriverLine): Wanted {
  if (manifest === undefined) {
    return {};
  }
  const { flags, name: driverName } = manifest;
  const split = splitSecrets(manifest, values, { given, env: call.io.host.facts.env });
  for (const flag of flags.filter(({ secret }) => secret === true)) {
    call.hide(String(values[flag.name] ?? ''));
  }
  const isPlace = given.some(({ flag }) => flags.some((each) => each === flag) && flag.secret !== true);
  const { secrets } = split;
  return isPlace
    ? {
        driverName,
        secrets,
        flags: Object.fromEntries(flags.map(({ name }) => [name, split.values[name]])),
      }
    : { driverName, secrets };
}

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
