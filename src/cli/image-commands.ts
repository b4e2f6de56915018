import type { CommandDefinition, CommandFlag } from './definitions.ts';

const arch = {
  name: 'arch',
  type: 'string',
  help: 'Architecture: amd64 or arm64 (default: that of this computer)',
} as const satisfies CommandFlag;

const json = { name: 'json', type: 'bool', help: 'Print JSON' } as const satisfies CommandFlag;

const driver = { name: 'driver', aliases: ['d'], type: 'string' } as const;

/** The commands about machine images, and about those at providers. */
export const imageCommands = [
  {
    name: 'image bake',
    summary: 'Make an image with an engine inside at a provider',
    arguments: 'name',
    arity: 'any',
    flags: [{ ...driver, help: 'Driver of the machine of which it is made' }],
    unparsed: true,
    driverFlags: true,
    progress: true,
    details: [
      'A machine bake-NAME is created, with the flags of "create" and of the driver, cleaned of keys and identity, made into an',
      'image, and removed again. Machines of the image are ready sooner: give its name to the flag of the driver that names',
      'an image (--amazonec2-ami NAME). The flags of a driver: PROGRAM image bake -d DRIVER --help',
    ],
  },
  {
    name: 'image baked',
    summary: 'List the images that this store has made at providers',
    arity: 'any',
    flags: [{ ...driver, help: 'Look only where this driver has made something' }, json],
    unparsed: true,
    driverFlags: true,
  },
  {
    name: 'image build',
    summary: 'Build the machine image from signed packages',
    arity: 'none',
    flags: [
      arch,
      {
        name: 'output',
        type: 'string',
        help: 'Directory for the result (default: in the checkout, or the store)',
      },
      { name: 'mirror', type: 'string', help: 'URL of the package mirror' },
      { name: 'security-mirror', type: 'string', help: 'URL of the mirror of security updates' },
      { name: 'locked', type: 'bool', help: 'Refuse packages other than the pinned ones' },
      { name: 'quality', type: 'int', help: 'Compression effort from 0 to 11 (default: 5; releases take 9)' },
      { name: 'no-iso', type: 'bool', help: 'Build all but the ISO' },
    ],
    progress: true,
  },
  {
    name: 'image lock',
    summary: 'Pin the current packages of the machine image',
    arity: 'none',
    flags: [arch],
    progress: true,
  },
  {
    name: 'image ls',
    summary: 'List the machine images that are there',
    arity: 'none',
    flags: [json],
  },
  {
    name: 'image prune',
    summary: 'Remove images and templates from the cache that no machine uses',
    arity: 'none',
    flags: [
      json,
      { name: 'all', aliases: ['a'], type: 'bool', help: 'All templates, also of images in use' },
    ],
    progress: true,
  },
  {
    name: 'image rm',
    summary: 'Remove images that this store has made at providers',
    arguments: 'name...',
    arity: 'any',
    flags: [
      { ...driver, help: 'Look only where this driver has made something' },
      { name: 'y', type: 'bool', help: 'Do not ask' },
    ],
    unparsed: true,
    driverFlags: true,
    progress: true,
    details: ['Machines that were made of an image go on without it.'],
  },
] as const satisfies readonly CommandDefinition[];
