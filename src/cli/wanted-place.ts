import type { FlagValues } from '../drivers/driver.ts';
import type { Wanted } from '../machine/garbage/places.ts';
import type { AnyCall } from './call.ts';
import type { DriverLine } from './driver-line.ts';
import { splitSecrets } from './secret-flags.ts';

/**
 * Where at providers a command line wants to look. Flags of the driver name a place more only if some were given: their
 * defaults are no wish. Secrets are never printed from now on.
 * @returns also the values of all flags of the driver, without secrets.
 */
export function wantedPlace(
  call: AnyCall,
  { manifest, values, given }: DriverLine,
): { readonly wanted: Wanted; readonly flagValues: FlagValues } {
  if (manifest === undefined) {
    return { wanted: {}, flagValues: {} };
  }
  const { flags, name: driverName } = manifest;
  const split = splitSecrets(manifest, values, { given, env: call.io.host.facts.env });
  for (const flag of flags.filter(({ secret }) => secret === true)) {
    call.hide(String(values[flag.name] ?? ''));
  }
  const isPlace = given.some(({ flag }) => flags.some((each) => each === flag) && flag.secret !== true);
  const flagValues = Object.fromEntries(flags.map(({ name }) => [name, split.values[name]]));
  const { secrets } = split;
  return {
    wanted: isPlace ? { driverName, secrets, flags: flagValues } : { driverName, secrets },
    flagValues,
  };
}
