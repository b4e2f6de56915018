import { createFlags } from './create-flags.ts';
import type { CommandDefinition, CommandFlag } from './definitions.ts';

const driver = { name: 'driver', aliases: ['d'], type: 'string' } as const;

/** Of `create`, for a machine whose options nobody knows any more. */
const engineFlags = createFlags.filter((flag): flag is EngineFlag => /^(?:engine|tls)-/.test(flag.name));

type EngineFlag = Extract<
  (typeof createFlags)[number],
  { readonly name: `engine-${string}` | `tls-${string}` }
>;

/** The commands about what there is at providers. */
export const fleetCommands = [
  {
    name: 'adopt',
    summary: 'Take a machine back into the store that only its provider still knows',
    arguments: 'name|id',
    arity: 'any',
    flags: [
      { ...driver, help: 'Driver of the machine; its flags name the place and the credentials' },
      { name: 'as', type: 'string', help: 'Name of the machine here (default: the one that it has there)' },
      {
        name: 'ssh-key',
        type: 'string',
        help: "File of the private SSH key that the machine lets in (default: those of the user's agent)",
      },
      {
        name: 'ssh-host-key',
        type: 'string',
        help: 'SSH host key that the machine is to show: a public line, or a fingerprint (SHA256:…)',
      },
      {
        name: 'store-id',
        type: 'string',
        help: 'Id of the store that made the machine and is gone, for a new store: the tag "tsmachine-owner"',
      },
      ...engineFlags,
      { name: 'json', type: 'bool', help: 'Print JSON' },
    ],
    unparsed: true,
    driverFlags: true,
    progress: true,
    details: [
      'The machine is one that gc would remove: made by this store, which has lost its folder. It is looked for where gc looks.',
      'It gets new certificates; a machine that is off is started. What is not marked as made by tsmachine is not taken.',
    ],
  },
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
  {
    name: 'ttl',
    summary: 'Say until when a machine is wanted, or give it another time, or all',
    arguments: 'name [duration|off]',
    arity: 'any',
    flags: [{ name: 'json', type: 'bool', help: 'Print JSON' }],
    progress: true,
    details: [
      'A duration (4h, 90m) counts from now on. When it is over the machine powers itself off at its provider, and gc removes',
      'it, as with create --ttl. The mark at the provider and the timer on the machine are changed; a machine that does not run',
      'keeps its timer.',
    ],
  },
] as const satisfies readonly (CommandDefinition & { readonly flags: readonly CommandFlag[] })[];
