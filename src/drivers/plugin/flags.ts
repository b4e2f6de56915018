import { MachineError } from '../../core/errors.ts';
import type { FlagDefinition, FlagValues } from '../driver.ts';
import {
  gobBool,
  gobInt,
  gobInterface,
  GobInterface,
  gobString,
  mapOf,
  sliceOf,
  structOf,
  type GobValue,
} from './gob/types.ts';
import { fieldsOf, listOf, textOf } from './gob/values.ts';
import type { Typed } from './rpc/client.ts';

/** A flag as the plugin describes it, and as our parser knows it. */
export interface PluginFlag {
  readonly definition: FlagDefinition;
  /** What the plugin gets when nobody gives a value: exactly what it said, a 64-bit number included. */
  readonly defaultValue: GobValue;
}

const stringList = sliceOf(gobString);
/** Go's names of the flag types, by which the kinds are told apart. */
const kinds: Readonly<Record<string, 'string' | 'list' | 'int' | 'bool'>> = {
  '*mcnflag.StringFlag': 'string',
  '*mcnflag.StringSliceFlag': 'list',
  '*mcnflag.IntFlag': 'int',
  '*mcnflag.BoolFlag': 'bool',
};
const zeros = { string: '', list: [], int: 0, bool: false } as const;

/** A flag that drivers without flags of their own are set up with; ours. */
export const rawOptionFlag: FlagDefinition = {
  name: 'driver-opt-raw',
  type: 'list',
  env: 'MACHINE_DRIVER_OPT_RAW',
  help: "Key of the plugin's own configuration that no flag sets, in the form KEY=JSON",
};

/**
 * Flags from the reply to GetCreateFlags. What is no flag of a known kind is left out, and named to `onUnknown`.
 * @param env chooses among several variables that may stand in for a flag: the first that is not empty.
 */
export function flagsFromReply(
  reply: GobValue,
  env: Readonly<Record<string, string | undefined>>,
  onUnknown: (kind: string) => void,
): readonly PluginFlag[] {
  const flags = new Map<string, PluginFlag>();
  for (const item of listOf(reply)) {
    const kind = item instanceof GobInterface ? kinds[item.name] : undefined;
    const fields = item instanceof GobInterface ? fieldsOf(item.value) : {};
    const name = textOf(fields['Name']);
    if (kind === undefined || !/^[A-Za-z0-9][\w.-]*$/.test(name)) {
      onUnknown(item instanceof GobInterface ? item.name : 'nil');
    } else if (!flags.has(name)) {
      const value = fields['Value'] ?? zeros[kind];
      const help = textOf(fields['Usage']);
      const definition = {
        name,
        type: kind,
        env: variableOf(textOf(fields['EnvVar']), name, env),
        ...defaultOf(kind, value),
        ...(isSecret(name) ? { secret: true } : {}),
        help: help === '' ? name : help,
      };
      flags.set(name, { definition, defaultValue: kind === 'bool' ? false : value });
    }
  }
  return [...flags.values()];
}

function variableOf(
  variables: string,
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const names = variables.split(',').map((variable) => variable.trim());
  const chosen = names.find((variable) => (env[variable] ?? '') !== '') ?? names[0] ?? '';
  return chosen === '' ? name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_') : chosen;
}

/**
 * Flags for an image to boot that nobody has given a value, by their names: what virtual machines of docker-machine's
 * plugins boot. Their own default is boot2docker, which is no longer maintained.
 */
export function unsetImageFlags(flags: readonly PluginFlag[], values: FlagValues): readonly string[] {
  return flags
    .filter(({ definition: { name, type }, defaultValue }) => {
      const isUnset = (values[name] ?? '') === '' && textOf(defaultValue) === '';
      return type === 'string' && name.endsWith('-boot2docker-url') && isUnset;
    })
    .map(({ definition }) => definition.name);
}

/** A default that says something; Go's zero values are left to the plugin. */
function defaultOf(
  kind: PluginFlag['definition']['type'],
  value: GobValue,
): { default?: string | number } | object {
  switch (kind) {
    case 'string':
      return textOf(value) === '' ? {} : { default: textOf(value) };
    case 'list':
      return listOf(value).length === 0 ? {} : { default: listOf(value).map(textOf) };
    case 'int':
      return Number(value) === 0 ? {} : { default: Number(value) };
    default:
      return {};
  }
}

/** What must not be printed, judged by the name: nothing else is known. Names of keys and files are no secrets. */
function isSecret(name: string): boolean {
  return /token|secret|password|key/.test(name) && !/(path|file|name|pair|id)$/.test(name);
}

/**
 * The argument of SetConfigFromFlags: a value for every flag, in exactly the type that the plugin expects, and those
 * shared flags that drivers look at.
 * @param typeName Go's name of the type: it has changed once.
 */
export function flagValuesArgument(
  flags: readonly PluginFlag[],
  values: FlagValues,
  shared: FlagValues,
  typeName: string,
): Typed {
  const entries = new Map<GobValue, GobValue>();
  for (const [name, value] of Object.entries(shared)) {
    if (value !== undefined) {
      entries.set(name, dynamic(value));
    }
  }
  for (const { definition, defaultValue } of flags) {
    const given = values[definition.name];
    const isDefault = given === undefined || given === definition.default;
    entries.set(definition.name, typed(definition.type, isDefault ? defaultValue : given));
  }
  return { type: gobInterface, value: new GobInterface(typeName, flagsType, { Values: entries }) };
}

const flagsType = structOf('RPCFlags', { Values: mapOf(gobString, gobInterface) });

function typed(type: FlagDefinition['type'], value: GobValue): GobInterface {
  switch (type) {
    case 'list':
      return new GobInterface('[]string', stringList, listOf(value).map(textOf));
    case 'int':
    case 'size':
      return new GobInterface('int', gobInt, value);
    case 'bool':
      return new GobInterface('bool', gobBool, value === true);
    case 'string':
      return new GobInterface('string', gobString, textOf(value));
  }
}

function dynamic(value: NonNullable<FlagValues[string]>): GobInterface {
  if (Array.isArray(value)) {
    return typed('list', value as readonly string[]);
  }
  const type = typeof value === 'number' ? 'int' : typeof value === 'boolean' ? 'bool' : 'string';
  return typed(type, value);
}

/**
 * The keys that `--driver-opt-raw KEY=JSON` sets.
 * @throws MachineError `flag-invalid`.
 */
export function rawOptions(
  values: FlagValues,
  parse: (text: string) => unknown,
): Readonly<Record<string, unknown>> {
  const given = values[rawOptionFlag.name];
  const texts = Array.isArray(given) ? (given as readonly string[]) : [];
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      try {
        if (at < 1) {
          throw new SyntaxError('there is no key');
        }
        return [text.slice(0, at), parse(text.slice(at + 1))];
      } catch (cause) {
        throw new MachineError('flag-invalid', `invalid value for flag -${rawOptionFlag.name}`, {
          why: `It takes KEY=JSON, e.g. Memory=2048 or Network="default".`,
          cause,
        });
      }
    }),
  );
}
