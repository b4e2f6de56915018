import { MachineError } from '../core/errors.ts';
import type { DriverManifest, FlagValues } from '../drivers/driver.ts';
import type { HostFacts } from '../host/types.ts';
import { resolveFlags, type GivenFlag } from './parse.ts';

/** Values for a driver, and what is kept apart from them. */
interface SplitValues {
  readonly values: FlagValues;
  /** By flag; only what was given on the command line. */
  readonly secrets: Readonly<Record<string, string>>;
}

/**
 * Takes secrets out of the values of a driver at a provider. One of the environment is found there again, so it is not
 * kept at all; one of the command line is needed again by `rm`. TSMACHINE_STORE_SECRETS=config leaves both where
 * docker-machine has them, in config.json.
 * @throws MachineError `flag-invalid` for another value of that variable.
 */
export function splitSecrets(
  { flags, capabilities }: Pick<DriverManifest, 'flags' | 'capabilities'>,
  values: FlagValues,
  { given, env }: { readonly given: readonly GivenFlag[]; readonly env: HostFacts['env'] },
): SplitValues {
  const place = env['TSMACHINE_STORE_SECRETS'] ?? '';
  if (place !== '' && place !== 'config' && place !== 'file') {
    throw new MachineError('flag-invalid', `TSMACHINE_STORE_SECRETS cannot be ${JSON.stringify(place)}.`, {
      why: 'It takes: file, config.',
    });
  }
  if (capabilities.provider !== true || place === 'config') {
    return { values, secrets: {} };
  }
  const secretFlags = flags.filter(({ secret }) => secret === true);
  const kept = Object.entries(resolveFlags(secretFlags, given, {}));
  const names = new Set(secretFlags.map(({ name }) => name));
  return {
    values: Object.fromEntries(Object.entries(values).filter(([name]) => !names.has(name))),
    secrets: Object.fromEntries(
      kept.flatMap(([name, value]) => (typeof value === 'string' && value !== '' ? [[name, value]] : [])),
    ),
  };
}
