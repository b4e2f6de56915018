import type { PowerState } from '../drivers/driver.ts';
import { listAllDrivers, listDrivers } from '../drivers/list.ts';
import { loadManifest } from '../drivers/registry.ts';
import { namesByPower } from '../machine/names-by-power.ts';
import type { Session } from '../machine/session.ts';
import { listMachineDirectories } from '../store/machine-files.ts';
import { resolveStorePath } from '../store/paths.ts';
import { commands, globalFlags, helpFlag, shownCommands, type CommandName } from './commands.ts';
import { createFlags } from './create-flags.ts';
import type { CommandDefinition, CommandFlag } from './definitions.ts';
import { tokenize } from './parse.ts';
import { shellNames } from './shells/table.ts';

/** Nobody waits for a tab key: what is not known by then is offered. */
const stateTimeoutMs = 400;

/** Words that a flag takes, where they are known. */
const wordsOfFlags: Readonly<Record<string, readonly string[]>> = {
  arch: ['amd64', 'arm64'],
  'on-error': ['keep', 'rollback'],
  publish: ['loopback', 'all', 'none'],
  shell: shellNames,
  'tls-key-type': ['ec', 'rsa'],
};

const answering: readonly PowerState[] = ['running', 'starting', 'unmanaged'];
const stoppable: readonly PowerState[] = ['running', 'paused', 'starting', 'stopping', 'error'];

/** Commands that are of use to machines in these states only; to any other command every machine is offered. */
const statesOfCommands: Partial<Record<CommandName, readonly PowerState[]>> = {
  config: answering,
  env: answering,
  kill: stoppable,
  mount: answering,
  scp: answering,
  ssh: answering,
  'ssh-config': answering,
  start: ['stopped', 'saved', 'paused', 'error'],
  stop: stoppable,
  url: answering,
  use: answering,
};

/** Commands that make machines with the flags of a driver. */
const takesCreateFlags: ReadonlySet<string> = new Set(['create', 'image bake']);

/** How many machines can be named where the arity does not say so: one, any number, or before a colon. */
const shapeOfArguments: Partial<Record<CommandName, 'one' | 'many' | 'locations'>> = {
  env: 'one',
  ssh: 'one',
  'ssh-config': 'many',
  mount: 'locations',
  scp: 'locations',
};

/**
 * What can stand at the cursor. The words are those of the shell: bash makes three of `--flag=value` and of `machine:path`.
 * @param before Words behind the program's name and before the cursor.
 * @param current The beginning of the word at the cursor; may be empty.
 */
export async function complete(
  session: Session,
  before: readonly string[],
  current: string,
): Promise<readonly string[]> {
  const words = joinAtSigns(before);
  const [, flag = '', value] = /^(--?[^=-][^=]*=)(.*)$/s.exec(current) ?? [];
  if (value !== undefined) {
    const found = await complete(session, [...words, flag.slice(0, -1)], value);
    return found.map((word) => `${flag}${word}`);
  }
  const begun = current === '=' ? '' : current;
  const found = await candidates(session, words, begun);
  return found.filter((word) => word.startsWith(begun)).sort();
}

/** Puts `--flag`, `=` and `value` together again, and drops an `=` at the end, behind which a value is awaited. */
function joinAtSigns(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (const [index, word] of words.entries()) {
    const last = joined.at(-1) ?? '';
    if (word === '=' && last.startsWith('-')) {
      continue;
    }
    if (words[index - 1] === '=' && last.startsWith('-')) {
      joined[joined.length - 1] = `${last}=${word}`;
    } else {
      joined.push(word);
    }
  }
  return joined;
}

async function candidates(
  session: Session,
  before: readonly string[],
  current: string,
): Promise<readonly string[]> {
  const globals = readGlobals(before);
  if (globals === undefined) {
    return [];
  }
  const words = before.slice(globals.end);
  const command = commands.find(({ name }) => name === words[0] || name === words.slice(0, 2).join(' '));
  if (command === undefined) {
    const position = words.length;
    const names = shownCommands.map(({ name }) => name.split(' '));
    const isOnTheWay = (parts: readonly string[]): boolean =>
      words.every((word, index) => parts[index] === word);
    const next = names.filter(isOnTheWay).map((parts) => parts[position] ?? '');
    return current.startsWith('-') && position === 0 ? flagWords(globalFlags) : [...new Set(next)];
  }
  const inStore = { ...session, storePath: storeOf(session, globals) };
  const rest = words.slice(command.name.split(' ').length);
  const flags = await flagsOf(inStore, command, rest);
  const awaited = flagAwaitingValue(flags, rest.at(-1) ?? '');
  if (awaited !== undefined) {
    return awaited.name === 'driver' ? driverWords(inStore) : (wordsOfFlags[awaited.name] ?? []);
  }
  if (current.startsWith('-')) {
    return flagWords(flags);
  }
  return argumentWords(inStore, command, { rest, flags, current });
}

type Globals = ReturnType<typeof tokenize>;

/** Undefined where the value of the last flag is awaited. */
function readGlobals(before: readonly string[]): Globals | undefined {
  try {
    return tokenize(globalFlags, before, { stopAtArgument: true, skipUnknown: true });
  } catch {
    return undefined;
  }
}

/** The store that the command line names itself. */
function storeOf(session: Session, { given }: Globals): string {
  const path = given.findLast(({ flag }) => flag.name === 'storage-path')?.value;
  return path === undefined ? session.storePath : resolveStorePath(session.host.facts, path);
}

/** Flags of a command; for one that takes those of a driver, with those of the driver that is named so far. */
async function flagsOf(
  session: Session,
  command: CommandDefinition,
  rest: readonly string[],
): Promise<readonly CommandFlag[]> {
  if (command.driverFlags !== true) {
    return [...command.flags, helpFlag];
  }
  const own = takesCreateFlags.has(command.name) ? createFlags : command.flags;
  const named = namedDriver(session, rest);
  // A plugin is started to tell its flags, but only the one that is named.
  const isKnown = named !== undefined && (await driverWords(session)).includes(named);
  const drivers = isKnown ? [named] : (await usableDrivers(session)).map(({ name }) => name);
  const manifests = await Promise.all(drivers.map(async (name) => loadManifest(name, session)));
  return [...own, ...manifests.flatMap((manifest) => manifest.flags), helpFlag];
}

function namedDriver({ host }: Session, rest: readonly string[]): string | undefined {
  const index = rest.findLastIndex((word) => /^--?(d|driver)(=.*)?$/.test(word));
  const word = rest[index] ?? '';
  const named = word.includes('=') ? word.slice(word.indexOf('=') + 1) : rest[index + 1];
  return index === -1 ? host.facts.env['MACHINE_DRIVER'] : named;
}

async function usableDrivers(session: Session): ReturnType<typeof listDrivers> {
  return (await listDrivers(session)).filter(({ problem }) => problem === undefined);
}

/** Drivers that can be used, as far as that is known without running them. */
async function driverWords(session: Session): Promise<readonly string[]> {
  const rows = await listAllDrivers(session);
  return rows.filter(({ problem }) => problem === undefined).map(({ name }) => name);
}

/** Drivers that can be removed. */
async function installedWords(session: Session): Promise<readonly string[]> {
  return (await listDrivers(session)).filter(({ kind }) => kind === 'npm').map(({ name }) => name);
}

function flagAwaitingValue(flags: readonly CommandFlag[], word: string): CommandFlag | undefined {
  const name = /^--?([^=-][^=]*)$/.exec(word)?.[1] ?? '';
  return flags.find(
    (flag) => flag.type !== 'bool' && (flag.name === name || flag.aliases?.includes(name) === true),
  );
}

function flagWords(flags: readonly CommandFlag[]): string[] {
  return flags
    .filter(({ hidden }) => hidden !== true)
    .map(({ name }) => (name.length === 1 ? `-${name}` : `--${name}`));
}

interface Position {
  /** Behind the name of the command. */
  readonly rest: readonly string[];
  readonly flags: readonly CommandFlag[];
  readonly current: string;
}

async function argumentWords(
  session: Session,
  command: CommandDefinition & { readonly name: CommandName },
  position: Position,
): Promise<readonly string[]> {
  switch (command.name) {
    case 'completion':
      return ['bash', 'fish', 'powershell', 'zsh'];
    case 'help':
      return [...new Set(shownCommands.map(({ name }) => name.split(' ')[0] ?? ''))];
    case 'driver rm':
      return installedWords(session);
    default:
      return machineWords(session, command, position);
  }
}

/** Machines that can be named here, as far as they are in a state in which the command is of use. */
async function machineWords(
  session: Session,
  { name, arity }: CommandDefinition & { readonly name: CommandName },
  { rest, flags, current }: Position,
): Promise<readonly string[]> {
  const shape = shapeOfArguments[name] ?? shapeOfArity(arity);
  const given = tokenize(flags, rest, { skipUnknown: true }).args;
  if (shape === undefined || (shape === 'one' && given.length > 0)) {
    return [];
  }
  const states = statesOfCommands[name];
  const names = await (states === undefined
    ? listMachineDirectories(session.host, session.storePath)
    : namesByPower(session, states, stateTimeoutMs));
  if (shape === 'locations') {
    // Behind the colon comes a path of the machine.
    return current === ':' || rest.at(-1) === ':' ? [] : names.map((machine) => `${machine}:`);
  }
  return names.filter((machine) => !given.includes(machine));
}

function shapeOfArity(arity: CommandDefinition['arity']): 'one' | 'many' | undefined {
  if (arity === 'none' || arity === 'any') {
    return undefined;
  }
  return arity.startsWith('many') ? 'many' : 'one';
}
