import { MachineError } from '../core/errors.ts';
import { parseAssignments } from './os-release.ts';

/** One file of a unit, as `systemctl cat` shows it. */
export interface UnitFile {
  readonly path: string;
  readonly text: string;
}

/** The files of `systemctl cat UNIT` in the order in which they count. */
export function parseUnitFiles(text: string): UnitFile[] {
  const files: UnitFile[] = [];
  for (const part of text.split(/^(?=# \/\S+\.(?:service|conf)\s*$)/m)) {
    const match = /^# (\/\S+)\s*\n([\s\S]*)$/.exec(part);
    if (match !== null) {
      files.push({ path: match[1] ?? '', text: match[2] ?? '' });
    }
  }
  return files;
}

/**
 * The command that the unit starts, as it stands there. An empty assignment clears what was before it; lines that
 * end with a backslash go on.
 */
export function execStartOf(files: readonly UnitFile[]): string | undefined {
  let command: string | undefined;
  for (const { text } of files) {
    const joined = text.replace(/[ \t]*\\\r?\n\s*/g, ' ');
    for (const match of joined.matchAll(/^[ \t]*ExecStart[ \t]*=[ \t]*(.*?)[ \t]*$/gm)) {
      command = match[1] === '' ? undefined : (command ?? match[1]);
    }
  }
  return command;
}

/** Words of a command line in systemd's syntax, quotes kept as they are. */
export function splitWords(command: string): string[] {
  return command.match(/(?:[^\s"']+|"(?:[^"\\]|\\.)*"|'[^']*')+/g) ?? [];
}

/** Flags of dockerd that take no value of their own behind a blank. */
const switches: ReadonlySet<string> = new Set(['tls', 'tlsverify', 'live-restore']);

/** Where flags of a unit come from besides its own text: `$DOCKER_OPTS` and the files that set it. */
export type EnvironmentFiles = ReadonlyMap<string, string>;

/**
 * The command of a unit without the flags that the configuration file sets: dockerd refuses to start when the two say
 * something of the same. A variable that brings such a flag is replaced by the rest of its value.
 * @param taken long names of flags, without dashes
 */
export function withoutFlags(
  command: string,
  taken: ReadonlySet<string>,
  environmentFiles: EnvironmentFiles,
): string[] {
  const variables = new Map([...environmentFiles.values()].flatMap((text) => [...parseAssignments(text)]));
  const words = splitWords(command).flatMap((word) => {
    const name = /^\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?$/.exec(word)?.[1];
    const value = name === undefined ? undefined : splitWords(variables.get(name) ?? '');
    return value !== undefined && strip(value, taken).length !== value.length ? value : [word];
  });
  return strip(words, taken);
}

function strip(words: readonly string[], taken: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    const flag = flagName(word);
    if (flag === undefined || !taken.has(flag.name)) {
      kept.push(word);
    } else if (!flag.hasValue && !switches.has(flag.name)) {
      // The value is the next word.
      index += 1;
    }
  }
  return kept;
}

/** The long name of a flag of dockerd, and whether its value stands in the same word. */
export function flagName(word: string): { readonly name: string; readonly hasValue: boolean } | undefined {
  const long = /^["']?--([a-z0-9-]+)(=)?/.exec(word);
  if (long !== null) {
    return { name: long[1] ?? '', hasValue: long[2] !== undefined };
  }
  const short = /^-([HlsgGDp])(.*)$/.exec(word);
  const name = short === null ? undefined : shortFlags[short[1] ?? ''];
  return name === undefined ? undefined : { name, hasValue: short?.[2] !== '' };
}

const shortFlags: Readonly<Record<string, string>> = { H: 'host', l: 'log-level', s: 'storage-driver' };

/** Quotes a word for ExecStart= or Environment=. Source: systemd.syntax(7), systemd.service(5). */
export function quoteUnitWord(word: string, where: 'command' | 'environment'): string {
  const escaped = word.replace(/[\\"]/g, '\\$&').replace(/%/g, '%%').replace(/\t/g, '\\t');
  return `"${where === 'command' ? escaped.replace(/\$/g, '$$$$') : escaped}"`;
}

/** What a drop-in of the engine's unit sets. */
export interface DropIn {
  readonly unit: string;
  readonly environmentFiles: EnvironmentFiles;
  /** Flags that the configuration file sets. */
  readonly taken: ReadonlySet<string>;
  /** Further arguments of dockerd. */
  readonly args: readonly string[];
  /** `NAME=VALUE` each. */
  readonly env: readonly string[];
}

export const dropInPath = '/etc/systemd/system/docker.service.d/10-machine.conf';

/**
 * The drop-in of docker.service: the unit's own command, wherever it has dockerd, without the flags that are in
 * daemon.json. It has the name of docker-machine's, so that there is never one of each.
 * @throws MachineError `engine-conflict` when the unit starts nothing.
 */
export function dropInText({ unit, environmentFiles, taken, args, env }: DropIn): string {
  const files = parseUnitFiles(unit).filter(({ path }) => path !== dropInPath);
  const command = execStartOf(files);
  if (command === undefined) {
    throw new MachineError('engine-conflict', 'The unit docker.service of the host starts no program.', {
      why: `It is made of: ${files.map(({ path }) => path).join(', ') || 'nothing'}.`,
    });
  }
  const words = withoutFlags(command, taken, environmentFiles);
  const lines = [
    '# Written by tsmachine; "tsmachine provision" writes it again.',
    '[Service]',
    'ExecStart=',
    `ExecStart=${[...words, ...args.map((arg) => quoteUnitWord(arg, 'command'))].join(' ')}`,
    ...env.map((assignment) => `Environment=${quoteUnitWord(assignment, 'environment')}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** True where systemd hands the engine its socket (`-H fd://`). */
export function isSocketActivated(unit: string): boolean {
  const files = parseUnitFiles(unit).filter(({ path }) => path !== dropInPath);
  return /(?:-H\s*|--host[= ])fd:\/\//.test(execStartOf(files) ?? '');
}
