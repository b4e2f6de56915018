import type { CommandDefinition, CommandFlag } from './definitions.ts';

// Help texts in the form of docker-machine, whose lines shell plugins take apart.

/** Columns between two tab stops. */
const tabWidth = 8;

type Cells = readonly [left: string, right: string];

/** The list of commands and global options. @param version as `docker-machine --version` shows it. */
export function goGeneralHelp(
  commands: readonly CommandDefinition[],
  flags: readonly CommandFlag[],
  version: string,
): string {
  return [
    'Usage: docker-machine [OPTIONS] COMMAND [arg...]',
    '',
    'Create and manage machines running Docker.',
    '',
    `Version: ${version}`,
    '',
    'Author:',
    '  The authors of tsmachine',
    '',
    'Options:',
    ...alignCells(flags.filter(isShown).map(flagCells)).map((line) => `  ${line}`),
    '  ',
    'Commands:',
    ...alignCells(commands.map(({ name, summary }): Cells => [name, summary])).map((line) => `  ${line}`),
    '  ',
    "Run 'docker-machine COMMAND --help' for more information on a command.",
  ].join('\n');
}

/** The help of one command. @param flags in the order in which they are shown. */
export function goCommandHelp(command: CommandDefinition, flags: readonly CommandFlag[]): string {
  const shown = flags.filter(isShown);
  return [
    `Usage: docker-machine ${command.name}${shown.length > 0 ? ' [OPTIONS]' : ''} [arg...]`,
    '',
    command.summary,
    ...((command.details ?? []).length === 0
      ? []
      : [
          '',
          'Description:',
          `   ${(command.details ?? []).join(' ').replaceAll('PROGRAM', 'docker-machine')}`,
        ]),
    ...(shown.length === 0
      ? []
      : ['', 'Options:', '   ', ...alignCells(shown.map(flagCells)).map((line) => `   ${line}`)]),
  ].join('\n');
}

function isShown({ hidden, original }: CommandFlag): boolean {
  return hidden !== true || original !== undefined;
}

/** A flag's names with its default, and what it is for, as the library of docker-machine writes them. */
function flagCells(flag: CommandFlag): Cells {
  const names = [flag.name, ...(flag.aliases ?? [])]
    .map((name) => (name.length === 1 ? `-${name}` : `--${name}`))
    .join(', ');
  const help = `${flag.original ?? flag.help}${flag.env === undefined ? '' : ` [$${flag.env}]`}`;
  if (flag.type === 'bool') {
    return [names, help];
  }
  if (flag.type === 'list') {
    return [`--${flag.name} [--${flag.name} option --${flag.name} option]`, help];
  }
  const isEmpty = flag.default === undefined || flag.default === '' || flag.secret === true;
  return [`${names} ${isEmpty ? '' : `"${String(flag.default)}"`}`, help];
}

/**
 * Go's tabwriter with the tab as pad character and a padding of 1: the left column is as wide as its longest cell and
 * one more, up to the next tab stop, and shorter cells are filled with tabs.
 */
function alignCells(rows: readonly Cells[]): string[] {
  const longest = Math.max(0, ...rows.map(([left]) => Array.from(left).length));
  const width = Math.ceil((longest + 1) / tabWidth) * tabWidth;
  return rows.map(([left, right]) => {
    const tabs = Math.ceil((width - Array.from(left).length) / tabWidth);
    return `${left}${'\t'.repeat(tabs)}${right}`;
  });
}
