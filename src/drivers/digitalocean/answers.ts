import { field, listField, numberField, textField } from '../../cloud/json-fields.ts';

/** What DigitalOcean's answers say, as far as it is used. Pure: what is not as it should be is absent. */

export interface Droplet {
  readonly id: number;
  readonly name: string;
  /** `new`, `active`, `off`, `archive`. */
  readonly status: string;
  /** An action is carried out, and no other is taken. */
  readonly isLocked: boolean;
  readonly region: string;
  readonly size?: string;
  /** Slug, or id as a text of an image that has none. */
  readonly image?: string;
  readonly tags: readonly string[];
  readonly publicAddress?: string;
  readonly privateAddress?: string;
  readonly createdMs?: number;
}

export function dropletOf(value: unknown): Droplet | undefined {
  const [id, name, status] = [numberField(value, 'id'), textField(value, 'name'), textField(value, 'status')];
  if (id === undefined || !Number.isSafeInteger(id) || id < 1 || status === undefined) {
    return undefined;
  }
  const networks = listField(value, 'networks', 'v4');
  const addressOf = (type: string): string | undefined =>
    textField(
      networks.find((network) => textField(network, 'type') === type),
      'ip_address',
    );
  const createdMs = Date.parse(textField(value, 'created_at') ?? '');
  const [publicAddress, privateAddress] = [addressOf('public'), addressOf('private')];
  const size = textField(value, 'size_slug');
  const image = textField(value, 'image', 'slug') ?? numberField(value, 'image', 'id')?.toString();
  return {
    id,
    name: name ?? '',
    status,
    isLocked: field(value, 'locked') === true,
    region: textField(value, 'region', 'slug') ?? '',
    tags: textsOf(value, 'tags'),
    ...(size === undefined ? {} : { size }),
    ...(image === undefined ? {} : { image }),
    ...(publicAddress === undefined ? {} : { publicAddress }),
    ...(privateAddress === undefined ? {} : { privateAddress }),
    ...(Number.isNaN(createdMs) ? {} : { createdMs }),
  };
}

export interface SshKey {
  readonly id: number;
  readonly name: string;
  readonly fingerprint: string;
}

export function sshKeyOf(value: unknown): SshKey | undefined {
  const id = numberField(value, 'id');
  return id === undefined || !Number.isSafeInteger(id) || id < 1
    ? undefined
    : { id, name: textField(value, 'name') ?? '', fingerprint: textField(value, 'fingerprint') ?? '' };
}

export interface Firewall {
  readonly id: string;
  readonly name: string;
  readonly createdMs?: number;
}

export function firewallOf(value: unknown): Firewall | undefined {
  const id = textField(value, 'id');
  const createdMs = Date.parse(textField(value, 'created_at') ?? '');
  return id === undefined || !/^[0-9A-Za-z-]{1,64}$/.test(id)
    ? undefined
    : {
        id,
        name: textField(value, 'name') ?? '',
        ...(Number.isNaN(createdMs) ? {} : { createdMs }),
      };
}

export interface Action {
  readonly id: number;
  /** `in-progress`, `completed`, `errored`. */
  readonly status: string;
  /** What was asked for: `shutdown`. */
  readonly type: string;
}

export function actionOf(value: unknown): Action | undefined {
  const [id, status] = [numberField(value, 'id'), textField(value, 'status')];
  return id === undefined || !Number.isSafeInteger(id) || status === undefined
    ? undefined
    : { id, status, type: textField(value, 'type') ?? '' };
}

export interface Region {
  readonly slug: string;
  readonly isAvailable: boolean;
  /** Empty when the token may not see them. */
  readonly sizes: readonly string[];
  readonly features: readonly string[];
}

export function regionOf(value: unknown): Region | undefined {
  const slug = textField(value, 'slug');
  return slug === undefined
    ? undefined
    : {
        slug,
        isAvailable: field(value, 'available') === true,
        sizes: textsOf(value, 'sizes'),
        features: textsOf(value, 'features'),
      };
}

export interface Size {
  readonly slug: string;
  readonly diskGb?: number;
}

export function sizeOf(value: unknown): Size | undefined {
  const [slug, diskGb] = [textField(value, 'slug'), numberField(value, 'disk')];
  return slug === undefined ? undefined : { slug, ...(diskGb === undefined ? {} : { diskGb }) };
}

export interface Image {
  readonly id: number;
  /** Empty for one of the account's own. */
  readonly slug: string;
  readonly name: string;
  readonly status: string;
  readonly regions: readonly string[];
  /** Of the smallest disk that takes it. */
  readonly diskGb?: number;
  readonly createdMs?: number;
}

export function imageOf(value: unknown): Image | undefined {
  const [id, diskGb] = [numberField(value, 'id'), numberField(value, 'min_disk_size')];
  const createdMs = Date.parse(textField(value, 'created_at') ?? '');
  return id === undefined
    ? undefined
    : {
        id,
        slug: textField(value, 'slug') ?? '',
        name: textField(value, 'name') ?? '',
        status: textField(value, 'status') ?? 'available',
        regions: textsOf(value, 'regions'),
        ...(diskGb === undefined ? {} : { diskGb }),
        ...(Number.isNaN(createdMs) ? {} : { createdMs }),
      };
}

export interface Vpc {
  readonly id: string;
  readonly region: string;
  readonly range: string;
  readonly isDefault: boolean;
}

export function vpcOf(value: unknown): Vpc | undefined {
  const id = textField(value, 'id');
  return id === undefined
    ? undefined
    : {
        id,
        region: textField(value, 'region') ?? '',
        range: textField(value, 'ip_range') ?? '',
        isDefault: field(value, 'default') === true,
      };
}

export interface Account {
  /** Of the team, or of the user where there is no team. */
  readonly id: string;
  /** `active`, `warning`, `locked`. */
  readonly status: string;
  readonly statusMessage: string;
  readonly dropletsMax?: number;
}

export function accountOf(value: unknown): Account | undefined {
  const id = textField(value, 'team', 'uuid') ?? textField(value, 'uuid');
  const dropletsMax = numberField(value, 'droplet_limit');
  return id === undefined
    ? undefined
    : {
        id,
        status: textField(value, 'status') ?? '',
        statusMessage: (textField(value, 'status_message') ?? '').trim(),
        ...(dropletsMax === undefined ? {} : { dropletsMax }),
      };
}

function textsOf(value: unknown, name: string): readonly string[] {
  return listField(value, name).filter((each): each is string => typeof each === 'string');
}
