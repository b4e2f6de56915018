import type { CommandDefinition, CommandFlag } from './definitions.ts';

const arch = {
  name: 'arch',
  type: 'string',
  help: 'Architecture: amd64 or arm64 (default: that of this computer)',
} as const satisfies CommandFlag;

const json = { name: 'json', type: 'bool', help: 'Print JSON' } as const satisfies CommandFlag;

/** The commands about machine images. */
export const imageCommands = [
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
] as const satisfies readonly CommandDefinition[];
