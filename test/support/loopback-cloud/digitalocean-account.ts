import { createHash } from 'node:crypto';

// What there is in an account of DigitalOcean, in the form in which the API tells it.

export type Json = Record<string, unknown>;

export const region = 'nyc3';
const sizeDisks: Readonly<Record<string, number>> = { 's-1vcpu-1gb': 25, 's-2vcpu-4gb': 80 };
const sizeSlugs = Object.keys(sizeDisks);
const createdAt = '2026-01-02T03:04:05Z';

export const regions: readonly Json[] = [
  regionOf('nyc3', 'New York 3', true),
  regionOf('ams3', 'Amsterdam 3', true),
  regionOf('nyc2', 'New York 2', false),
];

function regionOf(slug: string, name: string, available: boolean): Json {
  const features = ['backups', 'ipv6', 'metadata', 'install_agent', 'storage', 'image_transfer'];
  return { name, slug, features, available, sizes: available ? sizeSlugs : [] };
}

export const sizes: readonly Json[] = sizeSlugs.map(sizeOf);

function sizeOf(slug: string): Json {
  return {
    ...{ slug, memory: 1024, vcpus: 1, disk: diskOf(slug), transfer: 1, price_monthly: 6 },
    ...{ price_hourly: 0.00893, regions: ['nyc3', 'ams3'], available: true, description: 'Basic' },
  };
}

/** In GB. */
function diskOf(size: unknown): number {
  return sizeDisks[String(size)] ?? 0;
}

export const images: readonly Json[] = [
  imageOf(101, 'ubuntu-22-04-x64', 'Ubuntu'),
  imageOf(102, 'ubuntu-24-04-x64', 'Ubuntu'),
  imageOf(103, 'ubuntu-25-04-x64', 'Ubuntu'),
  imageOf(104, 'debian-12-x64', 'Debian'),
];

function imageOf(id: number, slug: string, distribution: string): Json {
  return {
    ...{ id, name: slug, distribution, slug, public: true, regions: ['nyc3', 'ams3'], created_at: createdAt },
    ...{ type: 'base', min_disk_size: 7, size_gigabytes: 0.66, description: slug, tags: [] },
    ...{ status: 'available', error_message: '' },
  };
}

/** An image of a droplet. */
export interface CloudSnapshot {
  readonly thing: Json;
  /** So many times it is told of as pending. */
  pending: number;
}

/** The image that is made of a droplet. */
export function snapshotOf(id: number, name: string, { body }: CloudDroplet): Json {
  return {
    ...{ id, name, distribution: 'Ubuntu', slug: null, public: false, regions: [body['region']] },
    ...{ created_at: createdAt, type: 'snapshot', min_disk_size: diskOf(body['size']), size_gigabytes: 2.34 },
    ...{ description: '', tags: [], status: 'available', error_message: '' },
  };
}

/** The public images and those of the account. Each look brings these nearer to their end. */
export function allImages(account: CloudAccount): readonly Json[] {
  return [...images, ...[...account.snapshots.values()].map(shownSnapshot)];
}

/** A look at one. */
export function shownSnapshot(snapshot: CloudSnapshot): Json {
  const isPending = snapshot.pending > 0;
  snapshot.pending -= isPending ? 1 : 0;
  return { ...snapshot.thing, ...(isPending ? { status: 'pending' } : {}) };
}

/** An action that is under way, and what it does in the end. */
export interface PendingAction {
  readonly id: number;
  readonly type: string;
  /** Of what it makes. */
  readonly name?: string;
  /** So many requests about the droplet until it is done. */
  left: number;
  status: 'in-progress' | 'completed' | 'errored';
}

export interface CloudDroplet {
  readonly id: number;
  readonly name: string;
  readonly body: Json;
  readonly tags: string[];
  status: 'new' | 'active' | 'off' | 'archive';
  address: string;
  /** So many times nobody knows it yet by its id, and by its tags. */
  unknown: number;
  untagged: number;
  readonly actions: PendingAction[];
}

/** Everything in an account. */
export interface CloudAccount {
  readonly uuid: string;
  status: 'active' | 'locked';
  dropletsMax: number;
  readonly droplets: Map<number, CloudDroplet>;
  readonly snapshots: Map<number, CloudSnapshot>;
  readonly keys: Map<number, Json>;
  readonly firewalls: Map<string, Json>;
  readonly tags: Set<string>;
  readonly vpcs: Json[];
}

export const defaultVpc = '5a4981aa-9653-4bd1-bef5-d6bff52042e4';

export function makeAccount(uuid: string): CloudAccount {
  return {
    uuid,
    status: 'active',
    dropletsMax: 25,
    droplets: new Map(),
    snapshots: new Map(),
    keys: new Map(),
    firewalls: new Map(),
    tags: new Set(),
    vpcs: [
      {
        ...{ id: defaultVpc, urn: `do:vpc:${defaultVpc}`, name: 'default-nyc3', description: '' },
        ...{ region, ip_range: '10.116.0.0/20', created_at: createdAt, default: true },
      },
    ],
  };
}

export function accountJson({ uuid, status, dropletsMax }: CloudAccount): Json {
  return {
    ...{ droplet_limit: dropletsMax, floating_ip_limit: 3, email: 'ann@example.com', name: 'Ann' },
    ...{ uuid: 'f81d4fae7dec11d0a76500a0c91e6bf6f81d4fae', email_verified: true, status },
    ...{ status_message: '', team: { uuid, name: 'Team' } },
  };
}

export function dropletJson(account: CloudAccount, droplet: CloudDroplet): Json {
  const { id, name, body, tags, status, actions, address } = droplet;
  const [hostPart] = [id % 250];
  const v4 =
    status === 'new'
      ? []
      : [
          { ip_address: `10.116.0.${hostPart + 2}`, netmask: '255.255.240.0', type: 'private' },
          { ip_address: address, netmask: '255.255.240.0', gateway: '192.0.2.1', type: 'public' },
        ];
  const things = [...images, ...[...account.snapshots.values()].map(({ thing }) => thing)];
  const image = things.find((one) => one['slug'] === body['image'] || one['id'] === body['image']);
  return {
    ...{
      id,
      name,
      memory: 1024,
      vcpus: 1,
      disk: diskOf(body['size']),
      kernel: null,
      status,
      created_at: createdAt,
      tags,
    },
    locked: actions.some((action) => action.status === 'in-progress'),
    features: [...(body['ipv6'] === true ? ['ipv6'] : []), 'private_networking', 'droplet_agent'],
    ...{ backup_ids: [], next_backup_window: null, snapshot_ids: [], image, volume_ids: [] },
    size: sizeOf(String(body['size'])),
    ...{ size_slug: body['size'], networks: { v4, v6: [] } },
    region: regions.find(({ slug }) => slug === body['region']),
    vpc_uuid: body['vpc_uuid'] ?? defaultVpc,
  };
}

export function actionJson(dropletId: number, { id, type, status }: PendingAction): Json {
  return {
    ...{ id, status, type, started_at: createdAt, completed_at: status === 'completed' ? createdAt : null },
    ...{ resource_id: dropletId, resource_type: 'droplet', region: regions[0], region_slug: region },
  };
}

export function keyJson(id: number, name: string, publicKey: string): Json {
  const blob = Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');
  const fingerprint = createHash('md5').update(blob).digest('hex').match(/../g)?.join(':') ?? '';
  return { id, fingerprint, public_key: publicKey, name };
}

export function firewallJson(id: string, body: Json): Json {
  return {
    ...{ id, status: 'waiting', created_at: createdAt, pending_changes: [], droplet_ids: [] },
    ...body,
  };
}
