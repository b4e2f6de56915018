/** A port of a container that is published: bound on its host. */
export interface PublishedPort {
  readonly protocol: 'tcp' | 'udp';
  readonly containerPort: number;
  /** Address on the engine's host: `0.0.0.0`, `::`, `127.0.0.1` … */
  readonly address: string;
  /** Port on the engine's host. */
  readonly port: number;
}

/** A container that runs, or is about to. */
export interface RunningContainer {
  readonly id: string;
  readonly name: string;
  readonly ports: readonly PublishedPort[];
  /** Paths of the engine's host that it has as bind mounts, each once. */
  readonly binds: readonly string[];
}

/** Path of the request that `readContainers` reads the answer of: the containers that run. */
export const containersPath = '/containers/json';

const liveStates = ['created', 'restarting', 'running', 'paused'];

/** The same with those that were made and not started yet. */
export const liveContainersPath = `${containersPath}?filters=${encodeURIComponent(JSON.stringify({ status: liveStates }))}`;

/**
 * Reads the answer of `GET /containers/json` (Docker Engine API, ContainerList), in the order of
 * their ids, with what they really have bound. Ports that are not published, protocols other than TCP and UDP, and
 * whatever is not as the API says are passed over.
 */
export function readContainers(body: string): RunningContainer[] {
  const list = parse(body);
  return (Array.isArray(list) ? list : [])
    .map(toContainer)
    .filter((container) => container !== undefined)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function toContainer(value: unknown): RunningContainer | undefined {
  const id = field(value, 'Id');
  if (typeof id !== 'string' || id === '') {
    return undefined;
  }
  const names = field(value, 'Names');
  // Further names are those of links: they have a second slash.
  const all: readonly unknown[] = Array.isArray(names) ? names : [];
  const name = all.find((each) => typeof each === 'string' && /^\/[^/]+$/.test(each));
  const ports = field(value, 'Ports');
  return {
    id,
    name: typeof name === 'string' ? name.slice(1) : id.slice(0, 12),
    ports: (Array.isArray(ports) ? ports : []).map(toPort).filter((port) => port !== undefined),
    binds: bindsOf(field(value, 'Mounts')),
  };
}

function bindsOf(mounts: unknown): string[] {
  const sources = (Array.isArray(mounts) ? mounts : [])
    .filter((mount) => field(mount, 'Type') === 'bind')
    .map((mount) => field(mount, 'Source'))
    .filter((source) => typeof source === 'string' && source.startsWith('/'));
  return [...new Set(sources as string[])];
}

function toPort(value: unknown): PublishedPort | undefined {
  const protocol = field(value, 'Type');
  const address = field(value, 'IP');
  const port = field(value, 'PublicPort');
  const containerPort = field(value, 'PrivatePort');
  if ((protocol !== 'tcp' && protocol !== 'udp') || !isPort(port) || !isPort(containerPort)) {
    return undefined;
  }
  return { protocol, address: typeof address === 'string' ? address : '', port, containerPort };
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 65_535;
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
