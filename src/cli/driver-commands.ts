import type { CommandDefinition, CommandFlag } from './definitions.ts';

const json = { name: 'json', type: 'bool', help: 'Print JSON' } as const satisfies CommandFlag;

/** The commands about drivers. */
export const driverCommands = [
  {
    name: 'driver add',
    summary: 'Install the driver of an npm package',
    arguments: 'package',
    arity: 'any',
    flags: [json],
    progress: true,
    details: [
      'Takes tsmachine-driver-NAME or @scope/tsmachine-driver-NAME, with @VERSION or without, a directory or a',
      '.tgz file. npm installs it without running any script; its code runs when the driver is used.',
    ],
  },
  {
    name: 'driver ls',
    summary: 'List the drivers: built in, installed, and plugins on PATH',
    arity: 'none',
    flags: [json],
  },
  {
    name: 'driver rm',
    summary: 'Remove an installed driver',
    arguments: 'name...',
    arity: 'any',
    flags: [
      { name: 'force', aliases: ['f'], type: 'bool', help: 'Remove it even while machines of it exist' },
    ],
    progress: true,
  },
] as const satisfies readonly CommandDefinition[];
