import { field, listField, numberField, textField, textsField } from '../../../cloud/json-fields.ts';

/** What the services answer, as far as it is needed. Pure; what is not as it should be is absent. */

/** An address of a server. */
export interface ServerAddress {
  readonly address: string;
  readonly version: number;
  readonly isFloating: boolean;
}

export interface Server {
  readonly id: string;
  readonly name: string;
  /** `ACTIVE`, `SHUTOFF`, … */
  readonly status: string;
  /** What is being done to it: `powering-off`. */
  readonly task?: string;
  /** Why it is in ERROR. */
  readonly fault?: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly addresses: readonly ServerAddress[];
  /** Its root disk is a volume. */
  readonly isOnVolume: boolean;
  /** Volumes that end with it; from Nova 2.3 on. */
  readonly endingVolumeIds: readonly string[];
}

/** A server of a list or of an answer of its own; undefined for something without an id. */
export function serverOf(value: unknown): Server | undefined {
  const id = textField(value, 'id');
  if (id === undefined) {
    return undefined;
  }
  const task = textField(value, 'OS-EXT-STS:task_state');
  const fault = textField(value, 'fault', 'message');
  const networks = field(value, 'addresses');
  const addresses = Object.values(typeof networks === 'object' && networks !== null ? networks : {})
    .flatMap((list: unknown) => (Array.isArray(list) ? (list as readonly unknown[]) : []))
    .flatMap((each) => {
      const address = textField(each, 'addr');
      return address === undefined
        ? []
        : [
            {
              address,
              version: numberField(each, 'version') ?? 4,
              isFloating: textField(each, 'OS-EXT-IPS:type') === 'floating',
            },
          ];
    });
  return {
    id,
    name: textField(value, 'name') ?? '',
    status: textField(value, 'status') ?? 'UNKNOWN',
    ...(task === undefined ? {} : { task }),
    ...(fault === undefined ? {} : { fault }),
    metadata: textsField(value, 'metadata'),
    addresses,
    isOnVolume: textField(value, 'image') === '',
    endingVolumeIds: listField(value, 'os-extended-volumes:volumes_attached').flatMap((each) =>
      field(each, 'delete_on_termination') === true ? (textField(each, 'id') ?? []) : [],
    ),
  };
}

/** Something with an id and a name: flavor, image, network, group. */
export interface NamedThing {
  readonly id: string;
  readonly name: string;
}

export function namedThingOf(value: unknown): NamedThing | undefined {
  const id = textField(value, 'id');
  return id === undefined ? undefined : { id, name: textField(value, 'name') ?? '' };
}

/** What of an image says how large a disk it needs, in GiB. */
export function diskOfImage(value: unknown): number {
  const virtualBytes = numberField(value, 'virtual_size') ?? 0;
  const root = snapshotsOfImage(value).find(({ isRoot }) => isRoot);
  return Math.max(
    numberField(value, 'min_disk') ?? 0,
    Math.ceil(virtualBytes / 1024 ** 3),
    root?.sizeGiB ?? 0,
  );
}

/** A snapshot of a volume in which a disk of an image is. */
export interface ImageSnapshot {
  readonly id: string;
  readonly isRoot: boolean;
  readonly sizeGiB: number;
}

/** Where an image of a server is whose disks are volumes: Nova writes it as JSON in a property. */
export function snapshotsOfImage(value: unknown): readonly ImageSnapshot[] {
  let mapping: unknown;
  try {
    mapping = JSON.parse(textField(value, 'block_device_mapping') ?? '[]');
  } catch {
    return [];
  }
  return listField({ mapping }, 'mapping').flatMap((each) => {
    const id = textField(each, 'snapshot_id');
    const isRoot = numberField(each, 'boot_index') === 0;
    return id === undefined ? [] : [{ id, isRoot, sizeGiB: numberField(each, 'volume_size') ?? 0 }];
  });
}

/** An image of Glance. */
export interface Image extends NamedThing {
  /** `queued`, `saving`, `active`, `killed`, `deleted`, … */
  readonly status: string;
  /** As the image says it; empty where it says nothing. */
  readonly architecture: string;
  readonly diskGiB: number;
  readonly snapshots: readonly ImageSnapshot[];
  /** All of it that are texts: properties stand between the other fields. */
  readonly properties: Readonly<Record<string, string>>;
}

export function imageOf(value: unknown): Image | undefined {
  const thing = namedThingOf(value);
  return thing === undefined
    ? undefined
    : {
        ...thing,
        status: textField(value, 'status') ?? '',
        architecture: textField(value, 'hw_architecture') ?? textField(value, 'architecture') ?? '',
        diskGiB: diskOfImage(value),
        snapshots: snapshotsOfImage(value),
        properties: textsField(value),
      };
}

/** A rule that lets something in. Absent bounds mean everything. */
export interface IngressRule {
  readonly protocol?: string;
  readonly portMin?: number;
  readonly portMax?: number;
  readonly range?: string;
  readonly version: 4 | 6;
  /** It is for members of a group only. */
  readonly isForGroup: boolean;
}

export interface SecurityGroup extends NamedThing {
  readonly description: string;
  readonly rules: readonly IngressRule[];
}

export function groupOf(value: unknown): SecurityGroup | undefined {
  const thing = namedThingOf(value);
  if (thing === undefined) {
    return undefined;
  }
  const rules = listField(value, 'security_group_rules')
    .filter((rule) => textField(rule, 'direction') === 'ingress')
    .map((rule): IngressRule => {
      const [protocol, range] = [textField(rule, 'protocol'), textField(rule, 'remote_ip_prefix')];
      const [portMin, portMax] = [numberField(rule, 'port_range_min'), numberField(rule, 'port_range_max')];
      return {
        ...(protocol === undefined ? {} : { protocol }),
        ...(range === undefined ? {} : { range }),
        ...(portMin === undefined ? {} : { portMin }),
        ...(portMax === undefined ? {} : { portMax }),
        version: textField(rule, 'ethertype') === 'IPv6' ? 6 : 4,
        isForGroup: textField(rule, 'remote_group_id') !== undefined,
      };
    });
  return { ...thing, description: textField(value, 'description') ?? '', rules };
}

export interface FloatingIp {
  readonly id: string;
  readonly address: string;
  readonly networkId: string;
  readonly portId?: string;
  readonly description: string;
}

export function floatingIpOf(value: unknown): FloatingIp | undefined {
  const [id, address] = [textField(value, 'id'), textField(value, 'floating_ip_address')];
  const portId = textField(value, 'port_id');
  return id === undefined || address === undefined
    ? undefined
    : {
        id,
        address,
        networkId: textField(value, 'floating_network_id') ?? '',
        description: textField(value, 'description') ?? '',
        ...(portId === undefined ? {} : { portId }),
      };
}

export interface Port {
  readonly id: string;
  readonly networkId: string;
  readonly addresses: readonly string[];
}

export function portOf(value: unknown): Port | undefined {
  const id = textField(value, 'id');
  const addresses = listField(value, 'fixed_ips').flatMap((each) => textField(each, 'ip_address') ?? []);
  return id === undefined ? undefined : { id, networkId: textField(value, 'network_id') ?? '', addresses };
}

export interface Volume extends NamedThing {
  /** `creating`, `available`, `in-use`, `deleting`, `error`, … */
  readonly status: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export function volumeOf(value: unknown): Volume | undefined {
  const thing = namedThingOf(value);
  return thing === undefined
    ? undefined
    : { ...thing, status: textField(value, 'status') ?? '', metadata: textsField(value, 'metadata') };
}

/** A snapshot of a volume. */
export interface VolumeSnapshot extends NamedThing {
  /** `creating`, `available`, `deleting`, `error`, `error_deleting`. */
  readonly status: string;
  readonly volumeId: string;
}

export function volumeSnapshotOf(value: unknown): VolumeSnapshot | undefined {
  const thing = namedThingOf(value);
  return thing === undefined
    ? undefined
    : {
        ...thing,
        status: textField(value, 'status') ?? '',
        volumeId: textField(value, 'volume_id') ?? '',
      };
}

/** Those of a list that can be read. */
export function readAll<T>(list: readonly unknown[], read: (value: unknown) => T | undefined): T[] {
  return list.flatMap((each) => read(each) ?? []);
}
