import { isIPv6 } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { MachineError } from '../core/errors.ts';
import type { HostFacts } from './facts.ts';
import type { HostSetup } from './setup.ts';

/** daemon.json as an object. */
export type DaemonConfig = Readonly<Record<string, unknown>>;

export const daemonConfigPath = '/etc/docker/daemon.json';

/** Where the engine's certificates are. */
export const certificatePaths = {
  ca: '/etc/docker/ca.pem',
  server: '/etc/docker/server.pem',
  serverKey: '/etc/docker/server-key.pem',
} as const;

/** Flags of dockerd that stand in daemon.json here, so that they must not be given as flags, by their keys. */
const keyOfFlag: Readonly<Record<string, string>> = {
  host: 'hosts',
  tls: 'tls',
  tlsverify: 'tlsverify',
  tlscacert: 'tlscacert',
  tlscert: 'tlscert',
  tlskey: 'tlskey',
  label: 'labels',
  'insecure-registry': 'insecure-registries',
  'registry-mirror': 'registry-mirrors',
  'storage-driver': 'storage-driver',
  'live-restore': 'live-restore',
};

/** Keys that a running engine reads again. Source: https://docs.docker.com/reference/cli/dockerd/ */
const reloadable: ReadonlySet<string> = new Set([
  'labels',
  'insecure-registries',
  'registry-mirrors',
  'live-restore',
]);

/** The options of a machine, sorted by where they go. */
export interface SortedOptions {
  readonly labels: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly registryMirrors: readonly string[];
  readonly hosts: readonly string[];
  readonly storageDriver: string;
  /** Absent when nothing is said of it. */
  readonly liveRestore?: boolean;
  /** What only dockerd itself knows the type of: arguments. */
  readonly args: readonly string[];
}

/** Sorts options; what `--engine-opt` says of something that has a flag of its own is put to the rest of it. */
export function sortOptions({
  options,
  driverName,
}: Pick<HostSetup, 'options' | 'driverName'>): SortedOptions {
  const args: string[] = [];
  const lists: Record<string, string[]> = {
    label: [],
    'insecure-registry': [],
    'registry-mirror': [],
    host: [],
  };
  let storageDriver = options?.StorageDriver ?? '';
  let liveRestore: boolean | undefined;
  for (const flag of options?.ArbitraryFlags ?? []) {
    const [, name = '', value = ''] = /^-*([^=\s]+)[=\s]?([\s\S]*)$/.exec(flag) ?? [];
    const long = name === 'H' ? 'host' : name === 's' ? 'storage-driver' : name;
    if (long === 'storage-driver') {
      storageDriver = storageDriver === '' ? value : storageDriver;
    } else if (long === 'live-restore') {
      liveRestore = !['false', 'f', '0'].includes(value.toLowerCase());
    } else if (Object.hasOwn(lists, long)) {
      lists[long]?.push(value);
    } else {
      args.push(`--${flag.replace(/^-+/, '')}`);
    }
  }
  return {
    labels: [...(options?.Labels ?? []), ...(lists['label'] ?? []), `provider=${driverName}`],
    insecureRegistries: [...(options?.InsecureRegistry ?? []), ...(lists['insecure-registry'] ?? [])],
    registryMirrors: [...(options?.RegistryMirror ?? []), ...(lists['registry-mirror'] ?? [])],
    hosts: lists['host'] ?? [],
    storageDriver,
    ...(liveRestore === undefined ? {} : { liveRestore }),
    args,
  };
}

/**
 * Reads daemon.json; a missing or empty one is an empty object.
 * @throws MachineError `engine-conflict` when it is no object of JSON.
 */
export function parseDaemonConfig(text: string | undefined): DaemonConfig {
  if (text === undefined || text.trim() === '') {
    return {};
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw brokenConfig(cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw brokenConfig();
  }
  return value as DaemonConfig;
}

function brokenConfig(cause?: unknown): MachineError {
  return new MachineError('engine-conflict', `${daemonConfigPath} of the host is not an object of JSON.`, {
    why: 'It is not ours, so it is neither repaired nor replaced.',
    remedies: [`Mend or remove ${daemonConfigPath} on the host, then run the command again.`],
    cause,
  });
}

/** How the engine is reached on its own host. */
export interface ListenOptions {
  /** systemd hands the engine its socket. */
  readonly socketActivated: boolean;
}

/** daemon.json as it should be: what is there, with what the machine needs. Keys of others are kept. */
export function mergeDaemonConfig(
  present: DaemonConfig,
  setup: HostSetup,
  { socketActivated }: ListenOptions,
): DaemonConfig {
  const sorted = sortOptions(setup);
  const any = isIPv6(setup.address) ? '[::]' : '0.0.0.0';
  const hosts = textsOf(present['hosts']);
  const hasSocket = hosts.some((one) => /^(fd|unix):\/\//.test(one));
  const local = socketActivated ? 'fd://' : 'unix:///var/run/docker.sock';
  const lists: Record<string, string[]> = {
    hosts: union(hosts, [...(hasSocket ? [] : [local]), `tcp://${any}:${setup.enginePort}`, ...sorted.hosts]),
    labels: mergeLabels(textsOf(present['labels']), sorted.labels),
    'insecure-registries': union(textsOf(present['insecure-registries']), sorted.insecureRegistries),
    'registry-mirrors': union(textsOf(present['registry-mirrors']), sorted.registryMirrors),
  };
  return {
    ...present,
    ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0)),
    ...(sorted.storageDriver === '' ? {} : { 'storage-driver': sorted.storageDriver }),
    ...(sorted.liveRestore === undefined ? {} : { 'live-restore': sorted.liveRestore }),
    tlsverify: true,
    tlscacert: certificatePaths.ca,
    tlscert: certificatePaths.server,
    tlskey: certificatePaths.serverKey,
  };
}

/** The flags that daemon.json stands for, which the unit must not give. */
export function takenFlags(config: DaemonConfig): Set<string> {
  return new Set(Object.keys(keyOfFlag).filter((flag) => Object.hasOwn(config, keyOfFlag[flag] ?? '')));
}

/** What the engine has to do to take over another configuration. */
export function effectOf(before: DaemonConfig, after: DaemonConfig): 'nothing' | 'reload' | 'restart' {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changed = [...keys].filter((key) => !isDeepStrictEqual(before[key], after[key]));
  if (changed.length === 0) {
    return 'nothing';
  }
  return changed.every((key) => reloadable.has(key)) ? 'reload' : 'restart';
}

/** The text of daemon.json. */
export function formatDaemonConfig(config: DaemonConfig): string {
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

/**
 * Refuses what would destroy something of others on the host.
 * @throws MachineError `engine-conflict`.
 */
export function requireHarmless(facts: HostFacts, setup: HostSetup): void {
  requireOwnCertificates(parseDaemonConfig(facts.files.get(daemonConfigPath)), facts);
  requireSameStorage(facts, sortOptions(setup).storageDriver);
}

function requireOwnCertificates(config: DaemonConfig, facts: HostFacts): void {
  const inConfig = config['tlscacert'];
  const inUnit = /--tlscacert[= ]"?([^\s"]+)/.exec(facts.unit)?.[1];
  const foreign = [inConfig, inUnit].find(
    (file) => typeof file === 'string' && file !== '' && file !== certificatePaths.ca,
  );
  if (typeof foreign === 'string') {
    throw foreignTls(
      foreign,
      `Or take the tls settings out of ${daemonConfigPath} or the unit on the host, then run the command again.`,
    );
  }
}

/** The error for an engine that has TLS already, with a CA of somebody else. */
export function foreignTls(ca: string, remedy: string): MachineError {
  return new MachineError(
    'engine-conflict',
    'The engine of the host has TLS with certificates of somebody else.',
    {
      why: `Its CA is ${ca}. Replacing it would lock out whoever uses it.`,
      remedies: [
        'Use it as it is: tsmachine create -d none --url tcp://HOST:2376 NAME, with the client certificates of its owner',
        remedy,
      ],
    },
  );
}

/** The engine finds its images and containers only with the storage driver with which it has written them. */
function requireSameStorage(facts: HostFacts, wanted: string): void {
  if (wanted === '') {
    return;
  }
  const { engine, storageWithData } = facts;
  const present = engine === undefined ? storageWithData : engine.hasData ? [engine.storageDriver] : [];
  if (present.length > 0 && !present.includes(wanted)) {
    throw new MachineError(
      'engine-conflict',
      `The host has images or containers of the storage driver ${present.join(', ')}.`,
      {
        why: `With ${wanted} the engine would not find them any more.`,
        remedies: [
          `Leave out --engine-storage-driver, or remove the data on the host first: docker system prune -a`,
        ],
      },
    );
  }
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}

function union(first: readonly string[], second: readonly string[]): string[] {
  return [...new Set([...first, ...second])];
}

/** Labels by name, the later one wins: the engine refuses two values of one name. */
function mergeLabels(present: readonly string[], wanted: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const label of [...present, ...wanted]) {
    byName.set(label.replace(/=[\s\S]*$/, ''), label);
  }
  return [...byName.values()];
}
