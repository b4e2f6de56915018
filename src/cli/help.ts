import yargs, { type Argv } from 'yargs';
import { globalFlags, helpFlag, shownCommands } from './commands.ts';
import type { CommandDefinition, CommandFlag } from './definitions.ts';
import { goCommandHelp, goGeneralHelp } from './go-help.ts';
import type { ProgramName } from './io.ts';

/** What a help text is made for. */
export interface HelpOptions {
  readonly program: ProgramName;
  /** Of the program; shown in the general help in docker-machine's form. */
  readonly version?: string;
  /** Columns of the terminal; undefined when the text goes to a pipe, where nothing is wrapped. */
  readonly columns?: number | undefined;
}

/** A command with what only its help knows. */
export interface CommandHelp {
  readonly command: CommandDefinition;
  /** Flags under a heading of their own. */
  readonly groups?: readonly { readonly title: string; readonly flags: readonly CommandFlag[] }[];
  readonly details?: readonly string[];
}

/** The list of commands and global options; with a group (`image`) the commands of that. */
export async function generalHelp(options: HelpOptions, group?: string): Promise<string> {
  const { program } = options;
  if (program === 'docker-machine' && group === undefined) {
    return goGeneralHelp(shownCommands, globalFlags, options.version ?? '');
  }
  const parser = newParser(options);
  parser.usage(
    group === undefined
      ? `Usage: ${program} [OPTIONS] COMMAND [arg...]\n\nCreate and manage machines that run containers.`
      : `Usage: ${program} ${group} COMMAND [arg...]`,
  );
  for (const command of shownCommands) {
    if (group === undefined || command.name.startsWith(`${group} `)) {
      parser.command(command.name.replace(' ', '-'), command.summary);
    }
  }
  addFlags(parser, group === undefined ? globalFlags : [helpFlag]);
  parser.epilogue(
    `Run '${program} ${group === undefined ? '' : `${group} `}COMMAND --help' for more information on a command.`,
  );
  // The names of yargs' commands have one word; ours may have two.
  const text = await parser.getHelp();
  const groups = new Set(
    shownCommands.flatMap(({ name }) => (name.includes(' ') ? [name.split(' ')[0]] : [])),
  );
  return text.replaceAll(new RegExp(`^( +)(${[...groups].join('|')})-(\\w+)`, 'gm'), '$1$2 $3');
}

/** Usage, summary and flags of one command. */
export async function commandHelp(help: CommandHelp, options: HelpOptions): Promise<string> {
  const { command, groups = [] } = help;
  if (options.program === 'docker-machine') {
    const flags = groups.flatMap((group) => group.flags).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return goCommandHelp(command, groups.length === 0 ? command.flags : flags);
  }
  const parser = newParser(options);
  const words = [options.program, command.name, '[OPTIONS]', command.arguments ?? ''].filter(
    (word) => word !== '',
  );
  parser.usage(`Usage: ${words.join(' ')}\n\n${command.summary}`);
  for (const group of groups) {
    const shown = group.flags.filter(({ hidden }) => hidden !== true);
    const sorted = shown.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    addFlags(parser, sorted);
    parser.group(
      sorted.map((flag) => flag.name),
      group.title,
    );
  }
  addFlags(parser, [...command.flags, helpFlag]);
  // yargs would take the blanks from the beginning of lines.
  const details = [...(command.details ?? []), ...(help.details ?? [])].map((line) =>
    line.replaceAll('PROGRAM', options.program),
  );
  return [await parser.getHelp(), ...(details.length === 0 ? [] : ['', ...details])].join('\n');
}

/** The command that was meant, of all or of those of a group (`image`). */
export async function suggestCommand(word: string, group?: string): Promise<string | undefined> {
  const prefix = group === undefined ? '' : `${group} `;
  const names = shownCommands.map(({ name }) => name).filter((name) => name.startsWith(prefix));
  const candidates = names.map((name) => name.slice(prefix.length).split(' ')[0] ?? '');
  const near = await suggest(word, [...new Set(candidates)]);
  return near === undefined ? undefined : prefix + near;
}

/** The candidate that is at most a few typing mistakes away from a word, as yargs recommends commands. */
export async function suggest(word: string, candidates: readonly string[]): Promise<string | undefined> {
  if (!/^[\w-]{2,40}$/.test(word)) {
    return undefined;
  }
  const parser = newParser({ program: 'tsmachine' }).recommendCommands();
  for (const candidate of candidates.filter((each) => isSimilar(word, each))) {
    parser.command(candidate, '');
  }
  return new Promise((resolve) => {
    parser.fail((message: string | null) => {
      resolve(candidates.find((candidate) => message === `Did you mean ${candidate}?`));
    });
    void Promise.resolve(parser.strictCommands().parse([word])).then(() => {
      resolve(undefined);
    });
  });
}

/** Half of the letters are the same: yargs alone takes three changes, which makes any short word of another. */
function isSimilar(word: string, other: string): boolean {
  const left = Array.from(other);
  const same = Array.from(word).filter((letter) => {
    const index = left.indexOf(letter);
    return index !== -1 && left.splice(index, 1).length > 0;
  });
  return same.length * 2 >= Math.max(word.length, other.length);
}

/** A method of yargs that its type declarations do not know. */
interface UsageConfigurable {
  usageConfiguration(options: { readonly 'hide-types': boolean }): Argv;
}

/** A yargs that guesses nothing, ends no process and speaks English. */
function newParser({ columns }: HelpOptions): Argv {
  const parser = yargs([]) as Argv & UsageConfigurable;
  return (
    parser
      .usageConfiguration({ 'hide-types': true })
      // Without this the name of yargs' caller stands before each command.
      .scriptName('')
      .locale('en')
      .help(false)
      .version(false)
      .exitProcess(false)
      .parserConfiguration({
        'boolean-negation': false,
        'camel-case-expansion': false,
        'dot-notation': false,
        'duplicate-arguments-array': true,
        'greedy-arrays': false,
        'nargs-eats-options': true,
        'parse-numbers': false,
        'parse-positional-numbers': false,
        'short-option-groups': false,
      })
      .wrap(columns ?? null)
  );
}

function addFlags(parser: Argv, flags: readonly CommandFlag[]): void {
  for (const flag of flags.filter(({ hidden }) => hidden !== true)) {
    parser.option(flag.name, {
      ...(flag.aliases === undefined ? {} : { alias: [...flag.aliases] }),
      type: flag.type === 'bool' ? 'boolean' : flag.type === 'list' ? 'array' : 'string',
      describe: describeFlag(flag),
    });
  }
}

/** The flag's help with its default and the environment variable that stands in for it. */
function describeFlag(flag: CommandFlag): string {
  const isPlain = flag.default === undefined || flag.default === '' || flag.default === false;
  const shown = Array.isArray(flag.default) ? flag.default.join(', ') : String(flag.default);
  const hasDefault = !isPlain && shown !== '' && flag.secret !== true;
  return [
    flag.help,
    ...(flag.type === 'list' ? ['(may be repeated)'] : []),
    ...(hasDefault ? [`(default: ${shown})`] : []),
    ...(flag.env === undefined ? [] : [`[$${flag.env}]`]),
  ].join(' ');
}
