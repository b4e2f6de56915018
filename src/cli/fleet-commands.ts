import type { CommandDefinition, CommandFlag } from './definitions.ts';

const driver = { name: 'driver', aliases: ['d'], type: 'string' } as const;

/** The commands about what there is at providers. */
export const fleetCommands = [
  {
    name: 'gc',
    summary: 'Remove what machines have left at providers',
    arity: 'any',
    flags: [
      { ...driver, help: 'Look only where this driver has made something' },
      {
        name: 'older-than',
        type: 'string',
        help: 'Leave alone what is younger, or does not say how old it is (1h, 30m)',
      },
      { name: 'dry-run', type: 'bool', help: 'Show what would be removed, and remove nothing' },
      { name: 'y', type: 'bool', help: 'Assume the answer yes' },
      { name: 'json', type: 'bool', help: 'Print JSON' },
    ],
    unparsed: true,
    driverFlags: true,
    progress: true,
    details: [
      'Removed is what carries the mark of this store and belongs to no machine of it, what machines have shared and none',
      'is left to use, and machines whose time is over (create --ttl), with their records. Of another store nothing is touched.',
      'It looks in every place in which this store has made something. With --driver NAME the flags of that driver name',
      'one more place, or credentials: PROGRAM gc -d NAME --help',
    ],
  },
] as const satisfies readonly (CommandDefinition & { readonly flags: readonly CommandFlag[] })[];
