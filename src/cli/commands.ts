import type { Verb } from './call.ts';
import type { CommandDefinition, CommandFlag, OptionsOfFlags } from './definitions.ts';

const jsonFlag = { name: 'json', type: 'bool', help: 'Print JSON' } as const satisfies CommandFlag;
const timeoutFlag = {
  name: 'timeout',
  aliases: ['t'],
  type: 'int',
  default: 10,
  help: 'Seconds to wait for a machine',
} as const satisfies CommandFlag;
const noCheckFlag = {
  name: 'no-check',
  type: 'bool',
  help: 'Do not test the connection to the engine',
} as const satisfies CommandFlag;
const swarmFlag = {
  name: 'swarm',
  type: 'bool',
  help: 'Use the address of the classic Swarm of which the machine is the master',
} as const satisfies CommandFlag;
const archFlag = {
  name: 'arch',
  type: 'string',
  help: 'Architecture: amd64 or arm64 (default: that of this computer)',
} as const satisfies CommandFlag;

/** Asks for help; part of every command. */
export const helpFlag = {
  name: 'help',
  aliases: ['h'],
  type: 'bool',
  help: 'Show help',
} as const satisfies CommandFlag;

/** Options that stand before the command. Those that are hidden are docker-machine's and have no effect. */
export const globalFlags: readonly CommandFlag[] = [
  { name: 'debug', aliases: ['D'], type: 'bool', env: 'MACHINE_DEBUG', help: 'Show where errors come from' },
  {
    name: 'storage-path',
    aliases: ['s'],
    type: 'string',
    env: 'MACHINE_STORAGE_PATH',
    help: 'Directory of the store (default: ~/.docker/machine)',
  },
  helpFlag,
  { name: 'version', aliases: ['v'], type: 'bool', help: 'Print the version' },
  ...['tls-ca-cert', 'tls-ca-key', 'tls-client-cert', 'tls-client-key'].map(ignored),
  ...['github-api-token', 'bugsnag-api-token'].map(ignored).map((flag) => ({ ...flag, secret: true })),
  { ...ignored('native-ssh'), type: 'bool' },
];

function ignored(name: string): CommandFlag {
  const env = `MACHINE_${name.toUpperCase().replaceAll('-', '_')}`;
  return { name, type: 'string', env, hidden: true, help: 'Has no effect' };
}

/** The commands, in the order of the help. */
const table = [
  {
    name: 'active',
    summary: 'Print which machine is active',
    arity: 'none',
    flags: [timeoutFlag, jsonFlag],
    details: ['Active is the running machine to which DOCKER_HOST points.'],
  },
  {
    name: 'completion',
    summary: 'Print the completion script of a shell',
    arguments: '[shell]',
    arity: 'any',
    flags: [],
    unparsed: true,
    details: ['Shells: bash zsh fish powershell', 'For bash: source <(PROGRAM completion bash)'],
  },
  {
    name: 'config',
    summary: 'Print the connection config for machine',
    arguments: '[name]',
    arity: 'first-or-default',
    flags: [swarmFlag, noCheckFlag, jsonFlag],
    details: ['For: docker $(PROGRAM config NAME) ps'],
  },
  {
    name: 'create',
    summary: 'Create a machine',
    arguments: '[name]',
    arity: 'any',
    flags: [],
    unparsed: true,
    progress: true,
  },
  {
    name: 'doctor',
    summary: 'Check this computer, or a machine, and say what is wrong',
    arguments: '[name]',
    arity: 'optional',
    flags: [jsonFlag],
  },
  {
    name: 'env',
    summary: 'Display the commands to set up the environment for the Docker client',
    arguments: '[name]',
    arity: 'any',
    flags: [
      swarmFlag,
      { name: 'shell', type: 'string', help: 'Shell to write for (default: the one in use)' },
      { name: 'unset', aliases: ['u'], type: 'bool', help: 'Unset the variables' },
      {
        name: 'no-proxy',
        type: 'bool',
        help: 'Always add the machine to NO_PROXY (default: when a proxy is set)',
      },
      noCheckFlag,
      jsonFlag,
    ],
    details: ['Shells: bash sh zsh fish powershell pwsh cmd tcsh emacs nu elvish xonsh'],
  },
  {
    name: 'help',
    summary: 'Shows a list of commands or help for one command',
    arguments: '[command]',
    arity: 'any',
    flags: [],
    unparsed: true,
  },
  {
    name: 'image build',
    summary: 'Build the machine image from signed packages',
    arity: 'none',
    flags: [
      archFlag,
      { name: 'output', type: 'string', help: 'Directory for the result (default: in the store)' },
      { name: 'mirror', type: 'string', help: 'URL of the package mirror' },
      { name: 'security-mirror', type: 'string', help: 'URL of the mirror of security updates' },
      { name: 'locked', type: 'bool', help: 'Refuse packages other than the pinned ones' },
      { name: 'quality', type: 'int', help: 'Compression effort' },
    ],
    progress: true,
  },
  {
    name: 'image lock',
    summary: 'Pin the current packages of the machine image',
    arity: 'none',
    flags: [archFlag],
    progress: true,
  },
  {
    name: 'image ls',
    summary: 'List the machine images that are there',
    arity: 'none',
    flags: [jsonFlag],
  },
  {
    name: 'inspect',
    summary: 'Inspect information about a machine',
    arguments: '[name]',
    arity: 'one-or-default',
    flags: [],
  },
  {
    name: 'ip',
    summary: 'Get the IP address of a machine',
    arguments: '[name...]',
    arity: 'many-or-default',
    flags: [jsonFlag],
  },
  {
    name: 'kill',
    summary: 'Kill a machine',
    arguments: '[name...]',
    arity: 'many-or-default',
    flags: [],
    progress: true,
  },
  {
    name: 'logs',
    summary: 'Show the logs of a machine',
    arguments: '[name]',
    arity: 'one-or-default',
    flags: [
      { name: 'follow', aliases: ['f'], type: 'bool', help: 'Go on as the log grows' },
      { name: 'log', type: 'string', help: 'Only the log of this name' },
    ],
  },
  {
    name: 'ls',
    summary: 'List machines',
    arity: 'any',
    flags: [{ name: 'quiet', aliases: ['q'], type: 'bool', help: 'Only names' }, timeoutFlag, jsonFlag],
  },
  {
    name: 'restart',
    summary: 'Restart a machine',
    arguments: '[name...]',
    arity: 'many-or-default',
    flags: [],
    progress: true,
  },
  {
    name: 'rm',
    summary: 'Remove a machine',
    arguments: 'name...',
    arity: 'many',
    flags: [
      {
        name: 'force',
        aliases: ['f'],
        type: 'bool',
        help: 'Forget the machine even when its removal fails; also means -y',
      },
      { name: 'y', type: 'bool', help: 'Assume the answer yes' },
    ],
    progress: true,
  },
  {
    name: 'ssh',
    summary: 'Log into or run a command on a machine with SSH.',
    arguments: '[name] [command...]',
    arity: 'any',
    flags: [],
    unparsed: true,
  },
  {
    name: 'start',
    summary: 'Start a machine',
    arguments: '[name...]',
    arity: 'many-or-default',
    flags: [],
    progress: true,
  },
  {
    name: 'status',
    summary: 'Get the status of a machine',
    arguments: '[name]',
    arity: 'one-or-default',
    flags: [jsonFlag],
  },
  {
    name: 'stop',
    summary: 'Stop a machine',
    arguments: '[name...]',
    arity: 'many-or-default',
    flags: [],
    progress: true,
  },
  {
    name: 'url',
    summary: 'Get the URL of a machine',
    arguments: '[name]',
    arity: 'one-or-default',
    flags: [jsonFlag],
  },
  {
    name: 'use',
    summary: 'Make a machine the current context of the Docker client',
    arguments: '[name]',
    arity: 'one-or-default',
    flags: [],
  },
  {
    name: 'version',
    summary: 'Show the version of this program or of the engine of a machine',
    arguments: '[name]',
    arity: 'optional',
    flags: [jsonFlag],
  },
] as const satisfies readonly CommandDefinition[];

/** The name of a command; one of `image` has two words. */
export type CommandName = (typeof table)[number]['name'];

/** The commands, in the order of the help. */
export const commands: readonly (CommandDefinition & { readonly name: CommandName })[] = table;

/** The options of a command, typed by its entry in the table. */
export type OptionsOf<Name extends CommandName> = OptionsOfFlags<
  Extract<(typeof table)[number], { readonly name: Name }>['flags']
>;

/** Where each command's behaviour is; loaded when it runs. */
export const verbs: { readonly [Name in CommandName]: () => Promise<{ readonly default: Verb<Name> }> } = {
  active: () => import('./verbs/active.ts'),
  completion: () => import('./verbs/completion.ts'),
  config: () => import('./verbs/config.ts'),
  create: () => import('./verbs/create.ts'),
  doctor: () => import('./verbs/doctor.ts'),
  env: () => import('./verbs/env.ts'),
  help: () => import('./verbs/help.ts'),
  'image build': async () => ({ default: (await import('./verbs/image.ts')).build }),
  'image lock': async () => ({ default: (await import('./verbs/image.ts')).lock }),
  'image ls': async () => ({ default: (await import('./verbs/image.ts')).list }),
  inspect: () => import('./verbs/inspect.ts'),
  ip: () => import('./verbs/ip.ts'),
  kill: async () => ({ default: (await import('./verbs/power.ts')).kill }),
  logs: () => import('./verbs/logs.ts'),
  ls: () => import('./verbs/ls.ts'),
  restart: async () => ({ default: (await import('./verbs/power.ts')).restart }),
  rm: () => import('./verbs/rm.ts'),
  ssh: () => import('./verbs/ssh.ts'),
  start: async () => ({ default: (await import('./verbs/power.ts')).start }),
  status: () => import('./verbs/status.ts'),
  stop: async () => ({ default: (await import('./verbs/power.ts')).stop }),
  url: () => import('./verbs/url.ts'),
  use: () => import('./verbs/use.ts'),
  version: () => import('./verbs/version.ts'),
};
