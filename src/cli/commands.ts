import { builderCommands } from './builder-commands.ts';
import type { Verb } from './call.ts';
import type { CommandDefinition, CommandFlag, OptionsOfFlags } from './definitions.ts';
import { driverCommands } from './driver-commands.ts';
import { fleetCommands } from './fleet-commands.ts';
import { imageCommands } from './image-commands.ts';

const shared = {
  help: { name: 'help', aliases: ['h'], type: 'bool', help: 'Show help' },
  json: { name: 'json', type: 'bool', help: 'Print JSON' },
  noCheck: { name: 'no-check', type: 'bool', help: 'Do not test the connection to the engine' },
  swarm: {
    name: 'swarm',
    type: 'bool',
    help: 'Use the address of the classic Swarm of which it is the master',
  },
  timeout: {
    name: 'timeout',
    aliases: ['t'],
    type: 'int',
    default: 10,
    help: 'Seconds to wait for a machine',
  },
} as const satisfies Record<string, CommandFlag>;

/** Asks for help; part of every command. */
export const helpFlag: CommandFlag = shared.help;

/** Options that stand before the command. Those that are hidden are docker-machine's and have no effect. */
export const globalFlags: readonly CommandFlag[] = [
  {
    name: 'debug',
    aliases: ['D'],
    type: 'bool',
    env: 'MACHINE_DEBUG',
    help: 'Show where errors come from',
    original: 'Enable debug mode',
  },
  {
    name: 'storage-path',
    aliases: ['s'],
    type: 'string',
    env: 'MACHINE_STORAGE_PATH',
    help: 'Directory of the store (default: ~/.docker/machine)',
    original: 'Configures storage path',
  },
  helpFlag,
  { name: 'version', aliases: ['v'], type: 'bool', help: 'Print the version', original: 'print the version' },
  ofOriginal('tls-ca-cert', 'CA to verify remotes against'),
  ofOriginal('tls-ca-key', 'Private key to generate certificates'),
  ofOriginal('tls-client-cert', 'Client cert to use for TLS'),
  ofOriginal('tls-client-key', 'Private key used in client TLS auth'),
  {
    ...ofOriginal('github-api-token', 'Token to use for requests to the Github API'),
    secret: true,
    idle: { why: 'GitHub is not asked for images', except: [] },
  },
  {
    ...ofOriginal('bugsnag-api-token', 'BugSnag API token for crash reporting'),
    secret: true,
    idle: { why: 'no report is ever sent', except: [] },
  },
  {
    name: 'native-ssh',
    type: 'bool',
    env: 'MACHINE_NATIVE_SSH',
    help: 'Use the SSH client that is built in instead of the programs ssh and scp',
    original: 'Use the native (Go-based) SSH implementation.',
    idle: { why: 'only ssh and scp run programs of their own', except: ['ssh', 'scp'] },
  },
];

/** An option of docker-machine that is read, and means nothing here or only what goes without saying. */
function ofOriginal(name: string, original: string): CommandFlag {
  const env = `MACHINE_${name.toUpperCase().replaceAll('-', '_')}`;
  return { name, type: 'string', env, hidden: true, help: 'Has no effect', original };
}

const table = [
  {
    name: 'agent',
    summary: 'Forward the published ports of a machine and keep its clock, until it stops',
    arguments: 'name',
    arity: 'many',
    flags: [],
    endsOnInterrupt: true,
    hidden: true,
    details: ['Started in the background by the commands that start a machine; "ports" shows what it does.'],
  },
  {
    name: 'active',
    summary: 'Print which machine is active',
    arity: 'none',
    flags: [shared.timeout, shared.json],
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
    name: 'autostart',
    summary: 'Say whether a machine is started when you log in, or have it so',
    arguments: '[name]',
    arity: 'one-or-default',
    flags: [
      { name: 'on', type: 'bool', help: 'From now on it is started when you log in' },
      { name: 'off', type: 'bool', help: 'From now on it is not' },
      shared.json,
    ],
  },
  ...builderCommands,
  {
    name: 'config',
    summary: 'Print the connection config for machine',
    arguments: '[name]',
    arity: 'first-or-default',
    flags: [shared.swarm, shared.noCheck, shared.json],
    details: ['For: docker $(PROGRAM config NAME) ps'],
  },
  {
    name: 'create',
    summary: 'Create a machine',
    arguments: '[name]',
    arity: 'any',
    flags: [],
    unparsed: true,
    driverFlags: true,
    progress: true,
  },
  {
    name: 'doctor',
    summary: 'Check this computer, or a machine, and say what is wrong',
    arguments: '[name]',
    arity: 'optional',
    flags: [shared.json],
  },
  ...driverCommands,
  {
    name: 'env',
    summary: 'Display the commands to set up the environment for the Docker client',
    arguments: '[name]',
    arity: 'any',
    flags: [
      shared.swarm,
      { name: 'shell', type: 'string', help: 'Shell to write for (default: the one in use)' },
      { name: 'unset', aliases: ['u'], type: 'bool', help: 'Unset the variables' },
      {
        name: 'no-proxy',
        type: 'bool',
        help: 'Always add the machine to NO_PROXY (default: when a proxy is set)',
      },
      shared.noCheck,
      shared.json,
    ],
    details: ['Shells: bash sh zsh fish powershell pwsh cmd tcsh emacs nu elvish xonsh'],
  },
  ...fleetCommands,
  {
    name: 'help',
    summary: 'Shows a list of commands or help for one command',
    arguments: '[command]',
    arity: 'any',
    flags: [],
    unparsed: true,
  },
  ...imageCommands,
  {
    name: 'inspect',
    summary: 'Inspect information about a machine',
    arguments: '[name]',
    arity: 'one-or-default',
    flags: [
      {
        name: 'format',
        aliases: ['f'],
        type: 'string',
        help: 'Format the output using the given go template.',
      },
      shared.json,
    ],
    details: ["E.g.: $(PROGRAM inspect --format '{{.Driver.IPAddress}}' NAME)"],
    helpOnMisuse: true,
  },
  {
    name: 'ip',
    summary: 'Get the IP address of a machine',
    arguments: '[name...]',
    arity: 'many-or-default',
    flags: [shared.json],
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
    flags: [
      { name: 'quiet', aliases: ['q'], type: 'bool', help: 'Enable quiet mode' },
      { name: 'filter', type: 'list', help: 'Filter output based on conditions provided' },
      { ...shared.timeout, help: 'Timeout in seconds, for all machines and filters together' },
      {
        name: 'format',
        aliases: ['f'],
        type: 'string',
        help: 'Pretty-print machines using a Go template, or json',
      },
      shared.json,
    ],
    details: [
      'Filters: driver=NAME state=STATE name=REGEXP label=KEY=VALUE swarm=MASTER',
      'Of the same key any may match, of different keys all have to.',
      'Fields: .Name .Active .ActiveHost .ActiveSwarm .DriverName .State .URL .SwarmOptions .Swarm',
      '.EngineOptions .Error .DockerVersion .ResponseTime',
      "E.g.: PROGRAM ls --format 'table {{.Name}}\\t{{.State}}'",
    ],
  },
  {
    name: 'mount',
    summary: 'Mount or unmount a directory from a machine with SSHFS.',
    arguments: '[machine:]path [[machine:]mountpoint]',
    arity: 'any',
    flags: [
      {
        name: 'unmount',
        aliases: ['u'],
        type: 'bool',
        help: 'Unmount instead of mount',
      },
    ],
    details: [
      'Without a machine it is the one called "default", without a mountpoint the same path here. With a mountpoint in a',
      'machine a directory of this computer (PATH or PATH:ro) is mounted there, until Ctrl-C.',
    ],
  },
  {
    name: 'plugin-serve',
    summary: 'Serve a driver to docker-machine as its plugin',
    arguments: 'driver',
    arity: 'any',
    flags: [],
    details: ['For a script named docker-machine-driver-NAME on PATH: exec tsmachine plugin-serve NAME'],
  },
  {
    name: 'ports',
    summary: 'Show where published ports of containers are found on this computer',
    arguments: '[name]',
    arity: 'one-or-default',
    flags: [
      shared.json,
      {
        name: 'publish',
        type: 'string',
        help: 'From now on: loopback, all (where the container asked for it) or none',
      },
      {
        name: 'forward',
        type: 'bool',
        help: 'Forward them until interrupted, for a machine that is not on this computer',
      },
    ],
    endsOnInterrupt: true,
    details: [
      'Machines on this computer forward by themselves what containers publish, to 127.0.0.1 and ::1.',
      'To others --forward leads through SSH.',
    ],
  },
  {
    name: 'provision',
    summary: 'Re-provision existing machines',
    arguments: '[name...]',
    arity: 'many-or-default',
    flags: [],
    progress: true,
    details: [
      'Sets a host up with the options that its machine was made with. What is as it should be is left alone,',
      'and containers that run go on.',
    ],
  },
  {
    name: 'regenerate-certs',
    summary: 'Regenerate TLS Certificates for a machine',
    arguments: '[name...]',
    arity: 'many-or-default',
    flags: [
      { name: 'force', aliases: ['f'], type: 'bool', help: 'Force rebuild and do not prompt' },
      {
        name: 'client-certs',
        type: 'bool',
        help: "Also regenerate the store's client certificate and its copies",
      },
    ],
    progress: true,
    details: [
      'A running machine takes its new certificate over at once: neither the engine nor a container is',
      'restarted, and open connections go on. A stopped machine gets it when it starts.',
    ],
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
    helpOnMisuse: true,
  },
  {
    name: 'scp',
    summary: 'Copy files between machines',
    arguments: '[[user@]machine:][path] [[user@]machine:][path]',
    arity: 'any',
    flags: [
      { name: 'recursive', aliases: ['r'], type: 'bool', help: 'Copy directories with what is in them' },
      { name: 'delta', aliases: ['d'], type: 'bool', help: 'Send only what has changed, with rsync' },
      { name: 'quiet', aliases: ['q'], type: 'bool', help: 'Show no progress' },
    ],
    details: [
      'A path without a machine, or with "localhost:", is on this computer. Without scp here, or with --native-ssh',
      'before the command, files are copied by SFTP: without progress, and without patterns in paths.',
    ],
  },
  {
    name: 'set',
    summary: 'Change the size of a machine, or what it sees of this computer',
    arguments: '[name...]',
    arity: 'many-or-default',
    flags: [
      { name: 'cpus', type: 'int', help: 'Number of CPUs' },
      { name: 'memory', type: 'size', unit: 'MiB', help: 'Size of memory, in MB or with a suffix (4g)' },
      {
        name: 'disk',
        type: 'size',
        unit: 'MiB',
        help: 'Size of the data disk, in MB or with a suffix; it only grows',
      },
      { name: 'share', type: 'list', help: 'Directories that the machine sees: PATH, PATH:ro or none' },
      { name: 'share-type', type: 'string', help: 'How it sees them: auto, 9p, virtiofs, vboxsf or sftp' },
    ],
    progress: true,
    details: ['The change holds from the next start on: PROGRAM restart NAME'],
  },
  {
    name: 'ssh',
    summary: 'Log into or run a command on a machine with SSH.',
    arguments: '[name] [command...]',
    arity: 'any',
    flags: [],
    unparsed: true,
    details: [
      'Options of the ssh program may stand behind the name: PROGRAM ssh NAME -L 8080:localhost:80 -N',
      'The exit status is that of the remote command.',
    ],
  },
  {
    name: 'ssh-config',
    summary: 'Print how other programs reach machines with SSH',
    arguments: '[name...]',
    arity: 'any',
    flags: [],
    details: ['Without a name: all that run. For: PROGRAM ssh-config >> ~/.ssh/config'],
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
    flags: [shared.json],
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
    name: 'upgrade',
    summary: 'Upgrade a machine to the latest version of Docker',
    arguments: '[name...]',
    arity: 'many-or-default',
    flags: [
      {
        name: 'rollback',
        type: 'bool',
        help: 'Go back to the image that the machine booted before its last upgrade',
      },
    ],
    progress: true,
    details: [
      'Upgrades the packages of the engine and nothing else of a host; containers that run go on.',
      'A machine that boots an image gets the newest one and starts with it; its data disk stays as it is.',
    ],
  },
  {
    name: 'url',
    summary: 'Get the URL of a machine',
    arguments: '[name]',
    arity: 'one-or-default',
    flags: [shared.json],
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
    flags: [shared.json],
  },
] as const satisfies readonly CommandDefinition[];

/** The name of a command; one of a group (`image ls`) has two words. */
export type CommandName = (typeof table)[number]['name'];

/** The commands, in the order of the help. */
export const commands: readonly (CommandDefinition & { readonly name: CommandName })[] = table;

/** Those that people are told of. */
export const shownCommands = commands.filter(({ hidden }) => hidden !== true);

/** The options of a command, typed by its entry in the table. */
export type OptionsOf<Name extends CommandName> = OptionsOfFlags<
  Extract<(typeof table)[number], { readonly name: Name }>['flags']
>;

/** Where each command's behaviour is; loaded when it runs. */
export const verbs: { readonly [Name in CommandName]: () => Promise<{ readonly default: Verb<Name> }> } = {
  active: () => import('./verbs/active.ts'),
  adopt: () => import('./verbs/adopt.ts'),
  agent: () => import('./verbs/agent.ts'),
  autostart: () => import('./verbs/autostart.ts'),
  'builder create': async () => ({ default: (await import('./verbs/builder.ts')).create }),
  'builder ls': async () => ({ default: (await import('./verbs/builder.ts')).list }),
  'builder rm': async () => ({ default: (await import('./verbs/builder.ts')).remove }),
  completion: () => import('./verbs/completion.ts'),
  config: () => import('./verbs/config.ts'),
  create: () => import('./verbs/create.ts'),
  doctor: () => import('./verbs/doctor.ts'),
  'driver add': async () => ({ default: (await import('./verbs/driver.ts')).add }),
  'driver ls': async () => ({ default: (await import('./verbs/driver.ts')).list }),
  'driver rm': async () => ({ default: (await import('./verbs/driver.ts')).remove }),
  env: () => import('./verbs/env.ts'),
  gc: () => import('./verbs/gc.ts'),
  help: () => import('./verbs/help.ts'),
  'image bake': async () => ({ default: (await import('./verbs/baked.ts')).bake }),
  'image baked': async () => ({ default: (await import('./verbs/baked.ts')).list }),
  'image build': async () => ({ default: (await import('./verbs/image.ts')).build }),
  'image lock': async () => ({ default: (await import('./verbs/image.ts')).lock }),
  'image ls': async () => ({ default: (await import('./verbs/image.ts')).list }),
  'image prune': async () => ({ default: (await import('./verbs/image.ts')).prune }),
  'image rm': async () => ({ default: (await import('./verbs/baked.ts')).remove }),
  inspect: () => import('./verbs/inspect.ts'),
  ip: () => import('./verbs/ip.ts'),
  kill: async () => ({ default: (await import('./verbs/power.ts')).kill }),
  logs: () => import('./verbs/logs.ts'),
  ls: () => import('./verbs/ls.ts'),
  mount: () => import('./verbs/mount.ts'),
  'plugin-serve': () => import('./verbs/plugin-serve.ts'),
  ports: () => import('./verbs/ports.ts'),
  provision: () => import('./verbs/provision.ts'),
  'regenerate-certs': () => import('./verbs/regenerate-certs.ts'),
  restart: async () => ({ default: (await import('./verbs/power.ts')).restart }),
  rm: () => import('./verbs/rm.ts'),
  scp: () => import('./verbs/scp.ts'),
  set: () => import('./verbs/set.ts'),
  ssh: () => import('./verbs/ssh.ts'),
  'ssh-config': () => import('./verbs/ssh-config.ts'),
  start: async () => ({ default: (await import('./verbs/power.ts')).start }),
  status: () => import('./verbs/status.ts'),
  stop: async () => ({ default: (await import('./verbs/power.ts')).stop }),
  ttl: () => import('./verbs/ttl.ts'),
  upgrade: () => import('./verbs/upgrade.ts'),
  url: () => import('./verbs/url.ts'),
  use: () => import('./verbs/use.ts'),
  version: () => import('./verbs/version.ts'),
};
