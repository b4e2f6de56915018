import { MachineError } from '../../../core/errors.ts';
import type { FlagDefinition, FlagValues, PowerState } from '../../driver.ts';
import {
  gobInt,
  gobInterface,
  GobInterface,
  gobString,
  sliceOf,
  structOf,
  type GobType,
  type GobValue,
} from '../gob/types.ts';
import { fieldsOf, listOf, textOf } from '../gob/values.ts';
import type { Typed } from '../rpc/client.ts';

// Our words in those of docker-machine's hosts: flags, their values, power states.

const common = { Name: gobString, Usage: gobString, EnvVar: gobString };
const flagTypes = {
  string: ['*mcnflag.StringFlag', structOf('StringFlag', { ...common, Value: gobString })],
  list: ['*mcnflag.StringSliceFlag', structOf('StringSliceFlag', { ...common, Value: sliceOf(gobString) })],
  int: ['*mcnflag.IntFlag', structOf('IntFlag', { ...common, Value: gobInt })],
  size: ['*mcnflag.IntFlag', structOf('IntFlag', { ...common, Value: gobInt })],
  bool: ['*mcnflag.BoolFlag', structOf('BoolFlag', common)],
} as const satisfies Record<FlagDefinition['type'], readonly [string, GobType]>;

const flagList = sliceOf(gobInterface);

/** The reply to GetCreateFlags. */
export function flagsReply(flags: readonly FlagDefinition[]): Typed {
  const value = flags.map((flag) => {
    const [name, type] = flagTypes[flag.type];
    return new GobInterface(name, type, {
      Name: flag.name,
      Usage: flag.help,
      EnvVar: flag.env,
      // A default that is true cannot be said: bool flags of docker-machine have none.
      ...(flag.default === undefined || flag.type === 'bool' ? {} : { Value: flag.default as GobValue }),
    });
  });
  return { type: flagList, value };
}

/**
 * Values of a driver's flags from the argument of SetConfigFromFlags. docker-machine sends Go's zero value for a flag
 * that nobody gave.
 * @throws MachineError `flag-invalid` when the argument holds no flags.
 */
export function valuesFromArgument(flags: readonly FlagDefinition[], argument: GobValue): FlagValues {
  const sent = argument instanceof GobInterface ? fieldsOf(argument.value)['Values'] : undefined;
  if (!(argument instanceof GobInterface)) {
    throw new MachineError('flag-invalid', 'The values of the flags are missing.');
  }
  const values =
    sent instanceof Map ? (sent as ReadonlyMap<GobValue, GobValue>) : new Map<GobValue, GobValue>();
  return Object.fromEntries(
    flags.map((flag) => {
      const given = values.get(flag.name);
      const value = given instanceof GobInterface ? valueOf(flag.type, given.value) : undefined;
      return [flag.name, value ?? flag.default];
    }),
  );
}

function valueOf(type: FlagDefinition['type'], value: GobValue): FlagValues[string] {
  switch (type) {
    case 'string':
      return textOf(value) === '' ? undefined : textOf(value);
    case 'list':
      return listOf(value).length === 0 ? undefined : listOf(value).map(textOf);
    case 'bool':
      return value === true ? true : undefined;
    default:
      return typeof value === 'number' && value !== 0 ? value : undefined;
  }
}

const stateNumbers: Readonly<Record<PowerState, number>> = {
  running: 1,
  unmanaged: 1,
  paused: 2,
  saved: 3,
  stopped: 4,
  stopping: 5,
  starting: 6,
  error: 7,
  absent: 4,
};

/** docker-machine's number of a power state. */
export function stateNumberOf(power: PowerState): number {
  return stateNumbers[power];
}
