import { MachineError } from '../../core/errors.ts';
import type { DriverManifest } from '../driver.ts';

/** Finds what is wrong with a value; undefined when nothing is. */
type Check = (value: unknown) => string | undefined;

const isText: Check = (value) => (typeof value === 'string' && value !== '' ? undefined : 'is no text');
const isBoolean: Check = (value) => (typeof value === 'boolean' ? undefined : 'is not true or false');
const isOneOf =
  (...words: readonly string[]): Check =>
  (value) =>
    words.includes(value as string) ? undefined : `is none of ${words.join(', ')}`;
const matches =
  (pattern: RegExp, example: string): Check =>
  (value) =>
    typeof value === 'string' && pattern.test(value) ? undefined : `is no name like ${example}`;
const isListOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) ? value.map(check).find((problem) => problem !== undefined) : 'is no list';
const maybe =
  (check: Check): Check =>
  (value) =>
    value === undefined ? undefined : check(value);
const isObjectOf =
  (keys: Readonly<Record<string, Check>>): Check =>
  (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return 'is no object';
    }
    for (const [key, check] of Object.entries(keys)) {
      const problem = check((value as Record<string, unknown>)[key]);
      if (problem !== undefined) {
        return `: "${key}" ${problem}`;
      }
    }
    return undefined;
  };

const isFlagName = matches(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'example-size');

const isFlag: Check = (value) =>
  isObjectOf({
    name: isFlagName,
    aliases: maybe(isListOf(isFlagName)),
    type: isOneOf('string', 'int', 'size', 'bool', 'list'),
    env: matches(/^[A-Z][A-Z0-9_]*$/, 'EXAMPLE_SIZE'),
    unit: maybe(isOneOf('MiB', 'GB-as-MB')),
    secret: maybe(isBoolean),
    hidden: maybe(isBoolean),
    help: isText,
  })(value) ?? defaultFits(value as Record<string, unknown>);

function defaultFits({ default: value, type, name }: Record<string, unknown>): string | undefined {
  const types: Readonly<Record<string, string>> = {
    string: 'string',
    bool: 'boolean',
    int: 'number',
    size: 'number',
  };
  const fits =
    value === undefined ||
    (type === 'list'
      ? Array.isArray(value) && value.every((each) => typeof each === 'string')
      : typeof value === types[String(type)]);
  return fits ? undefined : `: the default of "${String(name)}" is not of its type`;
}

const isManifest = isObjectOf({
  name: isText,
  title: isText,
  platforms: isListOf(isText),
  flags: isListOf(isFlag),
  capabilities: isObjectOf({
    boots: isOneOf('image', 'host', 'nothing'),
    iso: maybe(isBoolean),
    power: isBoolean,
    ssh: isBoolean,
    localEndpoints: isBoolean,
    resume: isBoolean,
    forwards: maybe(isBoolean),
  }),
});

/**
 * A manifest from outside, as plain data: it is given to the parser of the command line, the help and the completion.
 * @param where What to blame: `the package tsmachine-driver-x`.
 * @throws MachineError `driver-invalid` for one that is not whole, has another name, or names flags twice.
 */
export function checkManifest(value: unknown, name: string, where: string): DriverManifest {
  const problem = isManifest(value);
  if (problem !== undefined) {
    throw invalid(where, `its manifest ${problem.replace(/^: /, 'has a mistake: ')}`);
  }
  const manifest = JSON.parse(JSON.stringify(value)) as DriverManifest;
  if (manifest.name !== name) {
    throw invalid(where, `its driver calls itself ${JSON.stringify(manifest.name)}, not "${name}"`);
  }
  const flags = flagNames(manifest);
  const twice = flags.find((flag, index) => flags.indexOf(flag) !== index);
  if (twice !== undefined) {
    throw invalid(where, `its flag --${twice} is there twice`);
  }
  return manifest;
}

/** Names and other names of all flags. */
export function flagNames({ flags }: DriverManifest): readonly string[] {
  return flags.flatMap((flag) => [flag.name, ...(flag.aliases ?? [])]);
}

function invalid(where: string, why: string): MachineError {
  return new MachineError('driver-invalid', `The driver in ${where} cannot be used.`, { why });
}
