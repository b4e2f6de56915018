import { jsonAnswer, type CloudAnswer, type Fault } from './fault-server.ts';

// What there is at the stand-in for Hetzner, in the form of Hetzner's documented examples.

/** Anything as an answer has it. */
export type Thing = Record<string, unknown>;

/** A thing of a project. */
export interface Owned extends Thing {
  readonly id: number;
  name: string;
  labels: Record<string, string>;
}

/** A server, with what its answers do not tell. */
export interface ServerThing extends Owned {
  status: string;
  readonly firewallIds: number[];
  readonly networkIds: readonly number[];
  readonly userData: string;
  readonly keyNames: readonly string[];
  readonly image: Thing;
  readonly type: Thing;
  readonly location: Thing;
  readonly groupId: number;
  /** Primary addresses that are there with it alone; the user's are addresses of the project. */
  ipv4: string | undefined;
  ipv6: string | undefined;
  /** So often nobody knows it yet. */
  unknownLeft: number;
}

const created = '2016-01-30T23:55:00+00:00';

function location(id: number, name: string, city: string, zone: string): Thing {
  return {
    id,
    name,
    description: `${city} DC Park ${id}`,
    country: 'DE',
    city,
    latitude: 50.47612,
    longitude: 12.370071,
    network_zone: zone,
  };
}

export const locations: readonly Thing[] = [
  location(1, 'fsn1', 'Falkenstein', 'eu-central'),
  location(2, 'nbg1', 'Nuremberg', 'eu-central'),
  location(4, 'ash', 'Ashburn', 'us-east'),
];

function serverType(
  id: number,
  name: string,
  [architecture, memory, monthly]: readonly [architecture: string, memory: number, monthly: string],
  places: Readonly<Record<string, string | null>>,
): Thing {
  const price = { net: monthly, gross: monthly };
  return {
    id,
    name,
    description: name.toUpperCase(),
    cores: 2,
    memory,
    disk: 40,
    deprecated: false,
    prices: Object.keys(places).map((place) => ({
      location: place,
      price_hourly: price,
      price_monthly: price,
      included_traffic: 654_321,
      price_per_tb_traffic: price,
    })),
    storage_type: 'local',
    cpu_type: 'shared',
    category: 'Shared vCPU',
    architecture,
    deprecation: null,
    locations: Object.entries(places).map(([place, until], index) => ({
      id: index + 1,
      name: place,
      deprecation: until === null ? null : { announced: '2023-06-01T00:00:00Z', unavailable_after: until },
    })),
  };
}

export const serverTypes: readonly Thing[] = [
  serverType(1, 'cx11', ['x86', 2, '3.29'], { fsn1: '2024-06-06T00:00:00Z' }),
  serverType(22, 'cx23', ['x86', 4, '3.49'], { fsn1: null, nbg1: null }),
  serverType(23, 'cpx11', ['x86', 2, '4.35'], { fsn1: null, nbg1: null, ash: null }),
  serverType(24, 'cpx21', ['x86', 4, '7.55'], { fsn1: null, nbg1: null, ash: '2999-01-01T00:00:00Z' }),
  serverType(45, 'cax11', ['arm', 4, '3.79'], { fsn1: null, nbg1: null }),
];

/** An image of a server. */
export interface SnapshotThing {
  readonly thing: Thing;
  creatingLeft: number;
}

/** An image as it is shown: by a name those of the system, without one a snapshot. */
export function image(id: number, name: string | null, architecture: string, rest: Thing = {}): Thing {
  const [flavor = '', version = ''] = (name ?? 'ubuntu-24.04').split('-');
  return {
    id,
    type: name === null ? 'snapshot' : 'system',
    status: 'available',
    name,
    description: name ?? 'My snapshot',
    image_size: null,
    disk_size: 5,
    created,
    created_from: null,
    bound_to: null,
    os_flavor: flavor,
    os_version: version,
    rapid_deploy: true,
    protection: { delete: false },
    deprecated: null,
    deleted: null,
    labels: {},
    architecture,
    ...rest,
  };
}

export const images: readonly Thing[] = [
  image(15512617, 'ubuntu-20.04', 'x86', { deprecated: '2025-05-31T00:00:00+00:00' }),
  image(67794396, 'ubuntu-22.04', 'x86'),
  image(161547269, 'ubuntu-24.04', 'x86'),
  image(161547270, 'ubuntu-24.04', 'arm'),
  image(310557660, 'ubuntu-25.10', 'x86'),
  image(114690387, 'debian-12', 'x86'),
  image(4711, null, 'x86'),
];

/** What a project has before anybody makes a machine: things of its owner. */
export const networks: readonly Owned[] = [
  {
    id: 4711,
    name: 'lan',
    labels: {},
    created,
    ip_range: '10.0.0.0/16',
    subnets: [{ type: 'cloud', ip_range: '10.0.1.0/24', network_zone: 'eu-central', gateway: '10.0.0.1' }],
    routes: [],
    servers: [],
    load_balancers: [],
    protection: { delete: false },
    expose_routes_to_vswitch: false,
  },
];

export const volumes: readonly Owned[] = [
  {
    id: 33,
    name: 'data',
    labels: {},
    created,
    size: 42,
    location: locations[0],
    server: null,
    linux_device: '/dev/disk/by-id/scsi-0HC_Volume_33',
    protection: { delete: false },
    status: 'available',
    format: 'ext4',
  },
];

export const primaryIps: readonly Owned[] = [
  {
    id: 99,
    name: 'fixed',
    labels: {},
    created,
    ip: '203.0.113.99',
    type: 'ipv4',
    assignee_id: null,
    assignee_type: 'server',
    auto_delete: false,
    blocked: false,
    dns_ptr: [],
    protection: { delete: false },
    location: locations[0],
    datacenter: datacenterOf(locations[0] ?? {}),
  },
];

export const ownFirewall: Owned = { id: 38, name: 'mine', labels: {}, rules: [], created };

function datacenterOf(place: Thing): Thing {
  return {
    id: 42,
    name: `${String(place['name'])}-dc8`,
    description: 'DC Park 8',
    location: place,
    server_types: { supported: [22], available: [22], available_for_migration: [22] },
  };
}

/** A server as answers have it. */
export function serverAnswer(server: ServerThing, group: Thing | undefined): Thing {
  const { id, name, status, labels, ipv4, ipv6 } = server;
  return {
    id,
    name,
    status,
    created,
    public_net: {
      ipv4:
        ipv4 === undefined
          ? null
          : { id: id + 1, ip: ipv4, blocked: false, dns_ptr: `static.${ipv4}.example` },
      ipv6: ipv6 === undefined ? null : { id: id + 2, ip: ipv6, blocked: false, dns_ptr: [] },
      floating_ips: [],
      firewalls: server.firewallIds.map((firewall) => ({ id: firewall, status: 'applied' })),
    },
    private_net: server.networkIds.map((network) => ({
      network,
      ip: `10.0.1.${id % 250}`,
      alias_ips: [],
      mac_address: '86:00:ff:2a:7d:e1',
    })),
    server_type: server.type,
    datacenter: datacenterOf(server.location),
    location: server.location,
    image: server.image,
    iso: null,
    rescue_enabled: false,
    locked: false,
    backup_window: null,
    outgoing_traffic: 0,
    ingoing_traffic: 0,
    included_traffic: 654_321,
    protection: { delete: false, rebuild: false },
    labels,
    volumes: [],
    load_balancers: [],
    primary_disk_size: 40,
    placement_group: group ?? null,
  };
}

/** An error in Hetzner's form. */
export function hetznerError(
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
): Fault & { readonly kind: 'answer' } {
  const body = { error: { code, message: `${code.replaceAll('_', ' ')} (test)`, details: null } };
  return { kind: 'answer', ...jsonAnswer(status, body, headers) };
}

/** An answer with one thing, or the error that there is none. */
export function one(key: string, thing: Thing | undefined): CloudAnswer {
  return thing === undefined ? hetznerError(404, 'not_found') : jsonAnswer(200, { [key]: thing });
}

/** Names are unique within their kind. */
export function isNameTaken(things: ReadonlyMap<number, Owned>, name: unknown): boolean {
  return [...things.values()].some((thing) => thing.name === name);
}
