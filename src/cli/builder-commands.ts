import type { CommandDefinition, CommandFlag } from './definitions.ts';

const json = { name: 'json', type: 'bool', help: 'Print JSON' } as const satisfies CommandFlag;

/** Flags of `builder create`; those of `create` come with them where machines are made. */
export const builderFlags = [
  {
    name: 'on',
    type: 'list',
    help: 'Machine that builds, or several: NAME,NAME',
  },
  {
    name: 'platforms',
    type: 'string',
    help: 'Platforms to build for: linux/amd64,linux/arm64 (default: those of the machines)',
  },
  { name: 'driver-opt', type: 'list', help: 'Option of docker buildx create: image=…, network=…' },
  { name: 'use', type: 'bool', help: 'Have "docker buildx build" use it from now on' },
  { name: 'bootstrap', type: 'bool', help: 'Start it on the machines at once' },
] as const satisfies readonly CommandFlag[];

/** The commands about builders of buildx. */
export const builderCommands = [
  {
    name: 'builder create',
    summary: 'Make a buildx builder of machines',
    arguments: 'name',
    arity: 'any',
    flags: builderFlags,
    unparsed: true,
    progress: true,
    details: [
      'Of machines that run: --on NAME,NAME. Or of new ones, one for each architecture of --platforms: with -d DRIVER',
      'and the other flags of "create"; they are called NAME-amd64 and NAME-arm64, and go with the builder.',
    ],
  },
  {
    name: 'builder ls',
    summary: 'List the builders that were made of machines',
    arity: 'none',
    flags: [json],
  },
  {
    name: 'builder rm',
    summary: 'Remove builders, and the machines that were made for them',
    arguments: 'name...',
    arity: 'any',
    flags: [
      { name: 'y', type: 'bool', help: 'Do not ask before machines are removed' },
      { name: 'keep-machines', type: 'bool', help: 'Keep the machines that were made for it' },
    ],
    progress: true,
  },
] as const satisfies readonly CommandDefinition[];
