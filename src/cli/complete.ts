import { listDrivers } from '../drivers/list.ts';
import { loadManifest } from '../drivers/registry.ts';
import type { Session } from '../machine/session.ts';
import { listMachineDirectories } from '../store/machine-files.ts';
import { commands, globalFlags, helpFlag, shownCommands } from './commands.ts';
import { createFlags } from './create-flags.ts';
import type { CommandDefinition, CommandFlag } from './definitions.ts';
import { tokenize } from './parse.ts';
import { shellNames } from './shells/table.ts';

/** Words that a flag takes, where they are known. */
const wordsOfFlags: Readonly<Record<string, readonly string[]>> = {
  arch: ['amd64', 'arm64'],
  'on-error': ['keep', 'rollback'],
  publish: ['loopback', 'all', 'none'],
  shell: shellNames,
  'tls-key-type': ['ec', 'rsa'],
};

/**
 * What can stand at the cursor.
 * @param before Words behind the program's name and before the cursor.
 * @param current The beginning of the word at the cursor; may be empty.
 */
export async function complete(
  session: Session,
  before: readonly string[],
  current: string,
): Promise<readonly string[]> {
  const found = await candidates(session, before, current);
  return found.filter((word) => word.startsWith(current)).sort();
}

async function candidates(
  session: Session,
  before: readonly string[],
  current: string,
): Promise<readonly string[]> {
  const globals = tokenize(globalFlags, before, { stopAtArgument: true, skipUnknown: true });
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
  const flags = await flagsOf(session, command, words);
  const awaited = flagAwaitingValue(flags, words.at(-1) ?? '');
  if (awaited !== undefined) {
    return awaited.name === 'driver' ? driverWords(session) : (wordsOfFlags[awaited.name] ?? []);
  }
  if (current.startsWith('-')) {
    return flagWords(flags);
  }
  return argumentWords(session, command);
}

/** Flags of a command; for create with those of the driver that is named so far. */
async function flagsOf(
  session: Session,
  command: CommandDefinition,
  words: readonly string[],
): Promise<readonly CommandFlag[]> {
  if (command.name !== 'create') {
    return [...command.flags, helpFlag];
  }
  const index = words.findLastIndex((word) => /^--?(d|driver)$/.test(word));
  const named = words[index + 1];
  const names = await driverWords(session);
  const drivers = index !== -1 && named !== undefined && names.includes(named) ? [named] : names;
  const manifests = await Promise.all(drivers.map(async (name) => loadManifest(name, session)));
  return [...createFlags, ...manifests.flatMap((manifest) => manifest.flags), helpFlag];
}

/** Drivers that can be used, as far as that is known without running them. */
async function driverWords(session: Session): Promise<readonly string[]> {
  const rows = await listDrivers(session);
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

async function argumentWords(session: Session, command: CommandDefinition): Promise<readonly string[]> {
  switch (command.name) {
    case 'completion':
      return ['bash', 'fish', 'powershell', 'zsh'];
    case 'help':
      return [...new Set(shownCommands.map(({ name }) => name.split(' ')[0] ?? ''))];
    case 'create':
    case 'driver add':
    case 'ls':
      return [];
    case 'driver rm':
      return installedWords(session);
    default:
      return command.arity === 'none' ? [] : listMachineDirectories(session.host, session.storePath);
  }
}
