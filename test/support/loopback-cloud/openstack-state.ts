import { randomUUID } from 'node:crypto';
import { jsonAnswer, type CloudAnswer, type CloudRequest } from './fault-server.ts';

// What an OpenStack on this computer knows: one project, and what is in it.

export interface CloudServer {
  readonly id: string;
  readonly name: string;
  status: string;
  task: string | null;
  fault?: string;
  readonly metadata: Record<string, string>;
  readonly keyName: string;
  readonly userData: string;
  readonly flavorId: string;
  readonly imageId: string;
  readonly isOnVolume: boolean;
  /** Properties of its image, which Nova hands on to an image that is made of it. */
  readonly inherited: Readonly<Record<string, unknown>>;
  readonly portId: string;
  readonly volumes: { readonly id: string; readonly endsWithServer: boolean }[];
  /** Looks until what is being done to it is done. */
  looksLeft: number;
  unknownLooksLeft: number;
  isDeleted: boolean;
}

export interface CloudPort {
  readonly id: string;
  readonly networkId: string;
  readonly deviceId: string;
  address: string;
  readonly groups: readonly string[];
}

export interface CloudGroup {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly rules: Record<string, unknown>[];
}

export interface CloudFloatingIp {
  readonly id: string;
  readonly address: string;
  readonly networkId: string;
  readonly description: string;
  portId: string | null;
}

export interface CloudVolume {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly type: string;
  readonly metadata: Record<string, string>;
  status: string;
  serverId: string | null;
  looksLeft: number;
}

/** An image that was made of a server. */
export interface CloudImage {
  readonly id: string;
  readonly properties: Readonly<Record<string, unknown>>;
  name: string;
  looksLeft: number;
}

/** A snapshot of a volume. */
export interface CloudSnapshot {
  readonly id: string;
  readonly name: string;
  readonly volumeId: string;
  readonly size: number;
  status: string;
  looksLeft: number;
}

/** Settings that tests change as they go. */
export interface CloudSettings {
  /** Looks at a server until it is ACTIVE. */
  buildLooks: number;
  /** Looks that end with 404 right after a server was made. */
  unknownLooks: number;
  /** Looks for every other change: power, removal, volumes. */
  changeLooks: number;
  /** Looks until an image or a snapshot that is made can be used. */
  imageLooks: number;
  /** Most servers, floating IPs. */
  serversMax: number;
  floatingIpsMax: number;
  /** Items of a page. */
  pageSize: number;
  /** What a server is called for that no host has room; undefined for clouds with room. */
  noRoom: string | undefined;
  /** What the consoles of servers show. */
  consoleText: string;
  /** Nova shows floating IPs as addresses of servers. */
  showsFloating: boolean;
  /** Called when a server is made, started, off and gone; an address takes the place of the fixed one. */
  onLaunch: (server: CloudServer, publicKey: string) => Promise<string | undefined>;
  onGone: (server: CloudServer) => Promise<void>;
}

export const projectId = 'b0a1c2d3e4f5460789aabbccddeeff00';
export const userId = '0ca8f6c1d2e34f5a9b7c8d9e0f1a2b3c';
export const application = { id: 'aa809205ed614a0e854bac92c0768bb9', name: 'ci', secret: 'app-hush' };

const uuidOf = (digit: string): string => [8, 4, 4, 4, 12].map((count) => digit.repeat(count)).join('-');
/** What is there from the beginning. */
export const given = {
  flavors: [
    { id: '1', name: 'm1.small', vcpus: 1, ram: 2048, disk: 20 },
    { id: '2', name: 'm1.medium', vcpus: 2, ram: 4096, disk: 40 },
  ],
  images: [
    { id: uuidOf('1'), name: 'ubuntu-24.04', status: 'active', min_disk: 0, virtual_size: 3_758_096_384 },
    { id: uuidOf('2'), name: 'twice', status: 'active', min_disk: 20 },
    { id: uuidOf('3'), name: 'twice', status: 'active', min_disk: 20 },
  ],
  networks: [
    { id: uuidOf('4'), name: 'private', 'router:external': false },
    { id: uuidOf('5'), name: 'public', 'router:external': true },
  ],
  serverGroups: [{ id: uuidOf('6'), name: 'apart', policies: ['anti-affinity'], members: [] }],
  groups: [
    { id: uuidOf('7'), name: 'default', description: 'Default security group' },
    { id: uuidOf('8'), name: 'web', description: 'of somebody' },
  ],
  keyPairs: [{ name: 'mine', publicKey: 'ssh-ed25519 AAAA mine' }],
  volumes: [{ id: uuidOf('9'), name: 'data', size: 1 }],
} as const;

export class OpenStackState {
  readonly tokens = new Set<string>();
  readonly servers = new Map<string, CloudServer>();
  readonly ports = new Map<string, CloudPort>();
  readonly keyPairs = new Map<string, string>(given.keyPairs.map((pair) => [pair.name, pair.publicKey]));
  readonly groups = new Map<string, CloudGroup>(
    given.groups.map((group) => [group.id, { ...group, rules: [] }]),
  );
  readonly floatingIps = new Map<string, CloudFloatingIp>();
  readonly volumes = new Map<string, CloudVolume>(
    given.volumes.map((volume) => [
      volume.id,
      { ...volume, type: 'lvm', metadata: {}, status: 'available', serverId: null, looksLeft: 0 },
    ]),
  );
  /** Those that were made of servers. */
  readonly images = new Map<string, CloudImage>();
  readonly snapshots = new Map<string, CloudSnapshot>();
  readonly settings: CloudSettings = {
    buildLooks: 2,
    unknownLooks: 0,
    changeLooks: 1,
    imageLooks: 1,
    serversMax: 10,
    floatingIpsMax: 10,
    pageSize: 1000,
    noRoom: undefined,
    consoleText: '',
    showsFloating: true,
    onLaunch: async () => undefined,
    onGone: async () => undefined,
  };
  #addresses = 1;

  nextAddress(prefix: string): string {
    this.#addresses += 1;
    return `${prefix}.${this.#addresses}`;
  }

  newId(): string {
    return randomUUID();
  }
}

/** Errors as Nova, Cinder and Keystone have them, by status. */
const errorNames: Readonly<Record<number, string>> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  409: 'conflictingRequest',
  413: 'overLimit',
  500: 'computeFault',
  503: 'serviceUnavailable',
};

export function novaError(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): CloudAnswer {
  if (status === 401) {
    return keystoneError(status, message, 'Unauthorized');
  }
  const name = errorNames[status] ?? 'computeFault';
  return jsonAnswer(status, { [name]: { code: status, message } }, headers);
}

export function keystoneError(status: number, message: string, title: string): CloudAnswer {
  return jsonAnswer(status, { error: { code: status, message, title } });
}

export function neutronError(status: number, type: string, message: string): CloudAnswer {
  return jsonAnswer(status, { NeutronError: { type, message, detail: '' } });
}

/** One page of a list, with a link to the next where there is one. */
export function pageOf(
  state: OpenStackState,
  { query, path }: CloudRequest,
  key: string,
  items: readonly (Readonly<Record<string, unknown>> & { readonly id: string })[],
): CloudAnswer {
  const marker = query.get('marker');
  const first = marker === null ? 0 : items.findIndex(({ id }) => id === marker) + 1;
  const page = items.slice(first, first + state.settings.pageSize);
  const hasNext = first + page.length < items.length;
  const links = [{ rel: 'next', href: `http://elsewhere.example${path}?marker=${page.at(-1)?.id ?? ''}` }];
  return jsonAnswer(200, { [key]: page, ...(hasNext ? { [`${key}_links`]: links } : {}) });
}
