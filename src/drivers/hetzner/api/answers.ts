import { field, listField, numberField, textField, textsField } from '../../../cloud/json-fields.ts';
import type { Labels } from '../labels.ts';

/** What answers of Hetzner say, as far as it is used here. Every reader gives undefined for what has not its form. Pure. */

/** A server. */
export interface Server {
  readonly id: number;
  readonly name: string;
  readonly status: string;
  readonly labels: Labels;
  readonly ipv4?: string;
  /** The first address of its network. */
  readonly ipv6?: string;
  readonly privateAddresses: readonly string[];
  readonly placementGroupId?: number;
  readonly location: string;
}

/** An SSH key of the project. */
export interface SshKey {
  readonly id: number;
  readonly name: string;
  /** MD5 of the key's blob, `aa:bb:…`. */
  readonly fingerprint: string;
  readonly labels: Labels;
}

/** Something that servers use: firewall or placement group. */
export interface SharedThing {
  readonly id: number;
  readonly name: string;
  readonly labels: Labels;
  /** Ids of servers; 0 for something else. */
  readonly users: readonly number[];
}

/** A type of servers. */
export interface ServerType {
  readonly name: string;
  readonly architecture: string;
  readonly memoryGb: number;
  readonly isShared: boolean;
  readonly locations: readonly TypeLocation[];
}

/** A type in a location. */
export interface TypeLocation {
  readonly name: string;
  readonly isDeprecated: boolean;
  /** Milliseconds since the epoch. */
  readonly unavailableAfterMs?: number;
  /** Euros a month with taxes. */
  readonly monthlyPrice: number;
}

/** An image. */
export interface Image {
  readonly id: number;
  readonly name: string;
  readonly architecture: string;
  readonly isDeprecated: boolean;
}

/** Anything of which the id is needed. */
export interface Named {
  readonly id: number;
  readonly name: string;
}

/** What Hetzner does in the background. */
export interface Action {
  readonly id: number;
  readonly command: string;
  readonly status: string;
  readonly errorCode: string;
  readonly errorMessage: string;
}

/** What the request that makes a server is answered with. */
export interface MadeServer {
  readonly server: Server;
  readonly actionIds: readonly number[];
}

export function serverOf(value: unknown): Server | undefined {
  const named = namedOf(value);
  const status = textField(value, 'status');
  if (named === undefined || status === undefined) {
    return undefined;
  }
  const ipv4 = textField(value, 'public_net', 'ipv4', 'ip');
  const network6 = textField(value, 'public_net', 'ipv6', 'ip');
  const placementGroupId = numberField(value, 'placement_group', 'id');
  return {
    ...named,
    status,
    labels: textsField(value, 'labels'),
    ...(ipv4 === undefined || ipv4 === '' ? {} : { ipv4 }),
    ...(network6 === undefined || network6 === '' ? {} : { ipv6: firstAddress(network6) }),
    privateAddresses: listField(value, 'private_net').flatMap((net) => textField(net, 'ip') ?? []),
    ...(placementGroupId === undefined ? {} : { placementGroupId }),
    location:
      textField(value, 'location', 'name') ?? textField(value, 'datacenter', 'location', 'name') ?? '',
  };
}

/** `2001:db8::/64` is what a server has; its images take the first address of it. */
function firstAddress(network: string): string {
  return `${network.replace(/\/\d+$/, '').replace(/::$/, '')}::1`;
}

export function madeServerOf(body: unknown): MadeServer | undefined {
  const server = serverOf(field(body, 'server'));
  const actions = [field(body, 'action'), ...listField(body, 'next_actions')];
  return server === undefined
    ? undefined
    : { server, actionIds: actions.flatMap((action) => idOf(action) ?? []) };
}

export function sshKeyOf(value: unknown): SshKey | undefined {
  const named = namedOf(value);
  const fingerprint = textField(value, 'fingerprint');
  return named === undefined || fingerprint === undefined
    ? undefined
    : { ...named, fingerprint, labels: textsField(value, 'labels') };
}

export function firewallOf(value: unknown): SharedThing | undefined {
  const named = namedOf(value);
  return named === undefined
    ? undefined
    : {
        ...named,
        labels: textsField(value, 'labels'),
        users: listField(value, 'applied_to').map((each) => numberField(each, 'server', 'id') ?? 0),
      };
}

export function placementGroupOf(value: unknown): SharedThing | undefined {
  const named = namedOf(value);
  return named === undefined
    ? undefined
    : {
        ...named,
        labels: textsField(value, 'labels'),
        users: listField(value, 'servers').map((each) => (typeof each === 'number' ? each : 0)),
      };
}

export function serverTypeOf(value: unknown): ServerType | undefined {
  const name = textField(value, 'name');
  const architecture = textField(value, 'architecture');
  if (name === undefined || architecture === undefined) {
    return undefined;
  }
  const prices = listField(value, 'prices');
  return {
    name,
    architecture,
    memoryGb: numberField(value, 'memory') ?? 0,
    isShared: textField(value, 'cpu_type') === 'shared',
    locations: listField(value, 'locations').flatMap((each) => typeLocation(each, prices) ?? []),
  };
}

function typeLocation(value: unknown, prices: readonly unknown[]): TypeLocation | undefined {
  const name = textField(value, 'name');
  if (name === undefined) {
    return undefined;
  }
  const price = prices.find((each) => textField(each, 'location') === name);
  const monthlyPrice = Number(textField(price, 'price_monthly', 'gross') ?? 'NaN');
  const unavailableAfterMs = Date.parse(textField(value, 'deprecation', 'unavailable_after') ?? '');
  return {
    name,
    isDeprecated: field(value, 'deprecation') !== undefined,
    ...(Number.isNaN(unavailableAfterMs) ? {} : { unavailableAfterMs }),
    monthlyPrice: Number.isNaN(monthlyPrice) ? Infinity : monthlyPrice,
  };
}

export function imageOf(value: unknown): Image | undefined {
  const id = idOf(value);
  const architecture = textField(value, 'architecture');
  return id === undefined || architecture === undefined
    ? undefined
    : {
        id,
        name: textField(value, 'name') ?? '',
        architecture,
        isDeprecated: field(value, 'deprecated') !== undefined,
      };
}

/** An image that was made of a server. */
export interface Snapshot {
  readonly id: number;
  /** `available`, `creating`, `unavailable`. */
  readonly status: string;
  readonly architecture: string;
  readonly labels: Labels;
  /** Of the disk that is made of it, in GB. */
  readonly diskGb?: number;
}

export function snapshotOf(value: unknown): Snapshot | undefined {
  const id = idOf(value);
  const diskGb = numberField(value, 'disk_size');
  return id === undefined
    ? undefined
    : {
        id,
        status: textField(value, 'status') ?? '',
        architecture: textField(value, 'architecture') ?? '',
        labels: textsField(value, 'labels'),
        ...(diskGb === undefined ? {} : { diskGb }),
      };
}

export function namedOf(value: unknown): Named | undefined {
  const id = idOf(value);
  const name = textField(value, 'name');
  return id === undefined || name === undefined ? undefined : { id, name };
}

export function actionOf(value: unknown): Action | undefined {
  const id = idOf(value);
  const status = textField(value, 'status');
  return id === undefined || status === undefined
    ? undefined
    : {
        id,
        command: textField(value, 'command') ?? '',
        status,
        errorCode: textField(value, 'error', 'code') ?? '',
        errorMessage: textField(value, 'error', 'message') ?? '',
      };
}

function idOf(value: unknown): number | undefined {
  const id = numberField(value, 'id');
  return id !== undefined && Number.isSafeInteger(id) && id > 0 ? id : undefined;
}
