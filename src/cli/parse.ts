import { MachineError } from '../core/errors.ts';
import type { FlagValues } from '../drivers/driver.ts';
import type { CommandFlag } from './definitions.ts';

/** One use of a flag on the command line. */
export interface GivenFlag {
  readonly flag: CommandFlag;
  /** As typed, without dashes. */
  readonly name: string;
  readonly value: string;
}

/** A command line taken apart. */
export interface Tokens {
  readonly given: readonly GivenFlag[];
  /** Arguments in the order in which they were written. */
  readonly args: readonly string[];
  /** Index of the first argument in argv when reading stops there; else the length of argv. */
  readonly end: number;
}

/** What to do with what is not plain. */
export interface TokenizeOptions {
  /** Stop at the first argument: global options stand before the command. */
  readonly stopAtArgument?: boolean;
  /** Pass over flags that are not known, taking no value for them. */
  readonly skipUnknown?: boolean;
}

const trueWords = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const falseWords = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

/**
 * Takes a command line apart by the rules of Go's flag package: one or two dashes, `--f=v` or `--f v` where the
 * next argument is the value whatever it is, no grouping, no negation, no abbreviations. Unlike Go's, flags and
 * arguments may be mixed, and `--` ends the flags wherever it stands.
 * @throws MachineError `flag-unknown`, `flag-invalid`.
 */
export function tokenize(
  flags: readonly CommandFlag[],
  argv: readonly string[],
  options: TokenizeOptions = {},
): Tokens {
  const byName = indexFlags(flags);
  const given: GivenFlag[] = [];
  const args: string[] = [];
  let index = 0;
  while (index < argv.length) {
    const word = argv[index] ?? '';
    if (word === '--') {
      return { given, args: [...args, ...argv.slice(index + 1)], end: index + 1 };
    }
    if (!word.startsWith('-') || word === '-') {
      if (options.stopAtArgument === true) {
        break;
      }
      args.push(word);
      index += 1;
      continue;
    }
    const { name, value } = splitWord(word);
    const flag = byName.get(name);
    index += 1;
    if (flag === undefined) {
      if (options.skipUnknown === true) {
        continue;
      }
      throw new MachineError('flag-unknown', `flag provided but not defined: -${name}`, {
        facts: { flag: name },
      });
    }
    if (value !== undefined) {
      given.push({ flag, name, value });
    } else if (flag.type === 'bool') {
      given.push({ flag, name, value: 'true' });
    } else {
      const next = argv[index];
      if (next === undefined) {
        throw new MachineError('flag-invalid', `flag needs an argument: -${name}`, { facts: { flag: name } });
      }
      given.push({ flag, name, value: next });
      index += 1;
    }
  }
  return { given, args, end: index };
}

/**
 * Values of flags by name: what was given, else the environment variable unless it is empty, else the default;
 * absent when there is none of these. A list has the values of the environment first, then those given.
 * @throws MachineError `flag-invalid` for a value that does not fit; for one of the environment it names the variable.
 */
export function resolveFlags(
  flags: readonly CommandFlag[],
  given: readonly GivenFlag[],
  env: Readonly<Record<string, string | undefined>>,
): FlagValues {
  const values: Record<string, FlagValues[string]> = {};
  for (const flag of flags) {
    const uses = given.filter((use) => use.flag === flag);
    const fromEnv = flag.env === undefined ? undefined : env[flag.env];
    const envText = fromEnv === '' ? undefined : fromEnv;
    const value = flag.type === 'list' ? listValue(uses, envText) : scalarValue(flag, uses, envText);
    const chosen = value ?? flag.default;
    if (chosen !== undefined) {
      values[flag.name] = chosen;
    }
  }
  return values;
}

/** The error for a word that is no command, in docker-machine's words. */
export function unknownCommand(facts: { readonly word: string; readonly group?: string }): MachineError {
  const shown = facts.group === undefined ? facts.word : `${facts.group} ${facts.word}`;
  return new MachineError(
    'command-unknown',
    `tsmachine: '${shown}' is not a tsmachine command. See 'tsmachine --help'.`,
    { facts },
  );
}

function indexFlags(flags: readonly CommandFlag[]): Map<string, CommandFlag> {
  const byName = new Map<string, CommandFlag>();
  for (const flag of flags) {
    for (const alias of flag.aliases ?? []) {
      byName.set(alias, flag);
    }
  }
  for (const flag of flags) {
    byName.set(flag.name, flag);
  }
  return byName;
}

function splitWord(word: string): { name: string; value: string | undefined } {
  const body = word.slice(word.startsWith('--') ? 2 : 1);
  if (body === '' || body.startsWith('-') || body.startsWith('=')) {
    throw new MachineError('flag-unknown', `bad flag syntax: ${word}`);
  }
  const at = body.indexOf('=');
  return at === -1
    ? { name: body, value: undefined }
    : { name: body.slice(0, at), value: body.slice(at + 1) };
}

function listValue(uses: readonly GivenFlag[], envText: string | undefined): readonly string[] | undefined {
  const fromEnv = envText === undefined ? [] : envText.split(',').map((part) => part.trim());
  const values = [...fromEnv, ...uses.map((use) => use.value)];
  return values.length === 0 ? undefined : values;
}

function scalarValue(
  flag: CommandFlag,
  uses: readonly GivenFlag[],
  envText: string | undefined,
): string | number | boolean | undefined {
  // A short form is the flag itself; another long name yields to it.
  const own = uses.filter((use) => use.name === flag.name || use.name.length === 1);
  const use = own.at(-1) ?? uses.at(-1);
  if (use !== undefined) {
    return convert(flag, use.value, { place: `flag -${use.name}` });
  }
  if (envText !== undefined) {
    const variable = flag.env ?? '';
    const place = `environment variable ${variable} (flag --${flag.name})`;
    return convert(flag, envText, { place, variable });
  }
  return undefined;
}

/** Where a text was found; `variable` is present for one of the environment. */
interface TextPlace {
  readonly place: string;
  readonly variable?: string;
}

/** The value of one text. The messages are Go's. */
function convert(flag: CommandFlag, text: string, where: TextPlace): string | number | boolean {
  if (flag.type === 'string' || flag.type === 'list') {
    return text;
  }
  const { place, variable } = where;
  const facts = { flag: flag.name, ...(variable === undefined ? {} : { variable }) };
  if (flag.type === 'bool') {
    if (trueWords.has(text) || falseWords.has(text)) {
      return trueWords.has(text);
    }
    const message =
      variable === undefined
        ? `invalid boolean value ${quoted(text)} for ${place.replace('flag ', '')}: parse error`
        : `Error parsing boolean value from ${variable}: strconv.ParseBool: parsing ${quoted(text)}: invalid syntax`;
    throw new MachineError('flag-invalid', message, { facts });
  }
  const number = flag.type === 'size' ? parseSize(text) : parseInteger(text);
  if (number === undefined) {
    throw new MachineError('flag-invalid', `invalid value ${quoted(text)} for ${place}: parse error`, {
      facts,
      why:
        flag.type === 'size'
          ? 'A size is a whole number of MB, or a number with one of the suffixes k, m, g, t.'
          : 'The flag takes a whole number.',
    });
  }
  return number;
}

/**
 * Go's ParseInt with base 0: 16, -1, 0x10, 0o20, 0b1, 1_000; a leading zero means octal.
 * Undefined for anything else, and for numbers that are not exact in JavaScript.
 */
export function parseInteger(text: string): number | undefined {
  const match =
    /^([+-]?)(?:0[xX]((?:_?[0-9a-fA-F])+)|0[bB]((?:_?[01])+)|0[oO]?((?:_?[0-7])+)|(0|[1-9](?:_?[0-9])*))$/.exec(
      text,
    );
  if (match === null) {
    return undefined;
  }
  const [, sign, hexadecimal, binary, octal, decimal] = match;
  const digits = (hexadecimal ?? binary ?? octal ?? decimal ?? '').replaceAll('_', '');
  const base = hexadecimal !== undefined ? 16 : binary !== undefined ? 2 : octal !== undefined ? 8 : 10;
  const value = Number.parseInt(digits, base);
  return Number.isSafeInteger(value) ? (sign === '-' && value !== 0 ? -value : value) : undefined;
}

/** A size in units of 1024 * 1024 bytes: a whole number of them, or a number with a suffix (powers of 1024). */
function parseSize(text: string): number | undefined {
  const match = /^([0-9]+(?:\.[0-9]+)?) ?([kmgt])(?:i?b)?$/i.exec(text);
  if (match === null) {
    return parseInteger(text);
  }
  const power = 'kmgt'.indexOf((match[2] ?? '').toLowerCase());
  const value = Number(match[1]) * 1024 ** (power - 1);
  return Number.isSafeInteger(value) ? value : undefined;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
