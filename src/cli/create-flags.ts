import type { CommandFlag } from './definitions.ts';

/** Of classic Swarm, which nobody discovers any more: shown only to those who call docker-machine. */
const ofSwarm = { hidden: true, help: 'Recorded for classic Swarm; has no effect' } as const;

/** Flags of `create` that every driver has. */
export const createFlags = [
  {
    name: 'driver',
    aliases: ['d'],
    type: 'string',
    env: 'MACHINE_DRIVER',
    help: 'Driver that makes the machine (default: the best that is ready on this computer)',
  },
  {
    name: 'image',
    type: 'string',
    help: 'Machine image to boot: directory, manifest or URL (default: the newest on this computer)',
  },
  {
    name: 'cold',
    type: 'bool',
    env: 'MACHINE_COLD',
    help: 'Boot the machine even if it could be resumed from a template, which is faster',
  },
  {
    name: 'share',
    type: 'list',
    env: 'MACHINE_SHARE',
    help: 'Directory of this computer that the machine sees at the same path: PATH, PATH:ro or none (default: the home directory)',
  },
  {
    name: 'share-type',
    type: 'string',
    env: 'MACHINE_SHARE_TYPE',
    default: 'auto',
    help: 'How the machine sees them: 9p, virtiofs, vboxsf, sftp, or auto for the best that the driver has',
  },
  { name: 'plan', type: 'bool', help: 'Show the steps and do nothing' },
  { name: 'resume', type: 'bool', help: 'Go on with a machine whose creation was interrupted or failed' },
  {
    name: 'on-error',
    type: 'string',
    help: 'When a step fails: keep or rollback (default: keep after an error, rollback after an interrupt)',
  },
  {
    name: 'publish',
    type: 'string',
    env: 'MACHINE_PUBLISH',
    default: 'loopback',
    help: 'Published ports of containers on this computer: loopback, all (where the container asked) or none',
  },
  { name: 'json', type: 'bool', help: 'Print JSON; progress is one JSON object a line' },
  {
    name: 'tls-key-type',
    type: 'string',
    default: 'ec',
    help: 'Kind of the private keys of certificates: ec, or rsa for old clients',
  },
  { name: 'tls-san', type: 'list', help: 'Further name or address of the engine in its certificate' },
  {
    name: 'engine-install-url',
    type: 'string',
    env: 'MACHINE_DOCKER_INSTALL_URL',
    default: 'https://get.docker.com',
    help: 'URL of the script that installs an engine, where one must be installed',
  },
  { name: 'engine-opt', type: 'list', help: 'Option of the engine in the form name=value' },
  { name: 'engine-insecure-registry', type: 'list', help: 'Registry that the engine may use without TLS' },
  {
    name: 'engine-registry-mirror',
    type: 'list',
    env: 'ENGINE_REGISTRY_MIRROR',
    help: 'Registry mirror that the engine uses',
  },
  { name: 'engine-label', type: 'list', help: 'Label of the engine in the form name=value' },
  { name: 'engine-storage-driver', type: 'string', help: 'Storage driver of the engine' },
  {
    name: 'engine-env',
    type: 'list',
    help: 'Variable in the environment of the engine, in the form NAME=value',
  },
  {
    name: 'host-proxies',
    type: 'bool',
    env: 'MACHINE_HOST_PROXIES',
    default: true,
    help: 'The engine of a machine on this computer uses the proxies in its environment (=false: it does not)',
  },
  { name: 'swarm', type: 'bool', ...ofSwarm, original: 'Configure Machine to join a Swarm cluster' },
  { name: 'swarm-master', type: 'bool', ...ofSwarm, original: 'Configure Machine to be a Swarm master' },
  {
    name: 'swarm-image',
    type: 'string',
    env: 'MACHINE_SWARM_IMAGE',
    default: 'swarm:latest',
    ...ofSwarm,
    original: 'Specify Docker image to use for Swarm',
  },
  { name: 'swarm-discovery', type: 'string', ...ofSwarm, original: 'Discovery service to use with Swarm' },
  {
    name: 'swarm-strategy',
    type: 'string',
    default: 'spread',
    ...ofSwarm,
    original: 'Define a default scheduling strategy for Swarm',
  },
  {
    name: 'swarm-opt',
    type: 'list',
    ...ofSwarm,
    original: 'Define arbitrary flags for Swarm master (can be provided multiple times)',
  },
  {
    name: 'swarm-join-opt',
    type: 'list',
    ...ofSwarm,
    original: 'Define arbitrary flags for Swarm join (can be provided multiple times)',
  },
  {
    name: 'swarm-host',
    type: 'string',
    default: 'tcp://0.0.0.0:3376',
    ...ofSwarm,
    original: 'ip/socket to listen on for Swarm master',
  },
  {
    name: 'swarm-addr',
    type: 'string',
    ...ofSwarm,
    original: 'addr to advertise for Swarm (default: detect and use the machine IP)',
  },
  { name: 'swarm-experimental', type: 'bool', ...ofSwarm, original: 'Enable Swarm experimental features' },
] as const satisfies readonly CommandFlag[];
