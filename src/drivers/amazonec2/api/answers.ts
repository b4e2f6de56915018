import { childOf, itemsOf, textOf, type XmlElement } from './xml.ts';

/** What the answers of EC2 say, as far as it is used. Fields that are not known are passed over. Pure. */

/** A server. */
export interface Instance {
  readonly id: string;
  readonly state: string;
  /** Why it is in this state, in the service's words. */
  readonly reason?: string;
  readonly publicAddress?: string;
  readonly privateAddress?: string;
  readonly ipv6Address?: string;
  readonly type?: string;
  readonly imageId?: string;
  readonly rootDevice?: string;
  readonly subnetId?: string;
  readonly vpcId?: string;
  readonly zone?: string;
  readonly keyName?: string;
  readonly groupIds: readonly string[];
  readonly spotRequestId?: string;
  readonly architecture?: string;
  readonly launchTime?: string;
  /** Of the account. */
  readonly ownerId?: string;
  readonly reservationId?: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** Instances of DescribeInstances. */
export function instancesOf(answer: XmlElement): Instance[] {
  return itemsOf(answer, 'reservationSet').flatMap(reservedInstances);
}

/** Instances of a reservation: of one of DescribeInstances, and of the answer of RunInstances itself. */
export function reservedInstances(reservation: XmlElement): Instance[] {
  return itemsOf(reservation, 'instancesSet').map((item) => ({
    id: textOf(item, 'instanceId') ?? '',
    state: textOf(item, 'instanceState', 'name') ?? '',
    ...optional('reason', textOf(item, 'stateReason', 'message') ?? textOf(item, 'reason')),
    ...optional('publicAddress', textOf(item, 'ipAddress')),
    ...optional('privateAddress', textOf(item, 'privateIpAddress')),
    ...optional('ipv6Address', textOf(item, 'ipv6Address') ?? interfaceAddress(item)),
    ...optional('type', textOf(item, 'instanceType')),
    ...optional('imageId', textOf(item, 'imageId')),
    ...optional('rootDevice', textOf(item, 'rootDeviceName')),
    ...optional('subnetId', textOf(item, 'subnetId')),
    ...optional('vpcId', textOf(item, 'vpcId')),
    ...optional('zone', textOf(item, 'placement', 'availabilityZone')),
    ...optional('keyName', textOf(item, 'keyName')),
    ...optional('spotRequestId', textOf(item, 'spotInstanceRequestId')),
    ...optional('architecture', textOf(item, 'architecture')),
    ...optional('launchTime', textOf(item, 'launchTime')),
    ...optional('ownerId', textOf(reservation, 'ownerId')),
    ...optional('reservationId', textOf(reservation, 'reservationId')),
    groupIds: groupsOf(item),
    tags: tagsOf(item),
  }));
}

/** Groups of the instance, and of its network interfaces. */
function groupsOf(item: XmlElement): readonly string[] {
  const sets = [item, ...itemsOf(item, 'networkInterfaceSet')].flatMap((each) => itemsOf(each, 'groupSet'));
  return [...new Set(sets.flatMap((group) => textOf(group, 'groupId') ?? []))];
}

function interfaceAddress(item: XmlElement): string | undefined {
  const addresses = itemsOf(item, 'networkInterfaceSet').flatMap((each) => itemsOf(each, 'ipv6AddressesSet'));
  return addresses.flatMap((each) => textOf(each, 'ipv6Address') ?? [])[0];
}

/** A group of firewall rules. */
export interface SecurityGroup {
  readonly id: string;
  readonly name: string;
  readonly vpcId?: string;
  readonly ownerId?: string;
  readonly rules: readonly IngressRule[];
  readonly tags: Readonly<Record<string, string>>;
}

/** What a group lets in. Protocol `-1` is everything. */
export interface IngressRule {
  readonly protocol: string;
  readonly fromPort: number;
  readonly toPort: number;
  /** Address ranges of both versions. */
  readonly ranges: readonly string[];
  /** Groups whose members may come in. */
  readonly groupIds: readonly string[];
}

export function securityGroupsOf(answer: XmlElement): SecurityGroup[] {
  return itemsOf(answer, 'securityGroupInfo').map((item) => ({
    id: textOf(item, 'groupId') ?? '',
    name: textOf(item, 'groupName') ?? '',
    ...optional('vpcId', textOf(item, 'vpcId')),
    ...optional('ownerId', textOf(item, 'ownerId')),
    rules: itemsOf(item, 'ipPermissions').map((rule) => ({
      protocol: textOf(rule, 'ipProtocol') ?? '',
      fromPort: Number(textOf(rule, 'fromPort') ?? -1),
      toPort: Number(textOf(rule, 'toPort') ?? -1),
      ranges: [
        ...itemsOf(rule, 'ipRanges').flatMap((range) => textOf(range, 'cidrIp') ?? []),
        ...itemsOf(rule, 'ipv6Ranges').flatMap((range) => textOf(range, 'cidrIpv6') ?? []),
      ],
      groupIds: itemsOf(rule, 'groups').flatMap((group) => textOf(group, 'groupId') ?? []),
    })),
    tags: tagsOf(item),
  }));
}

export interface KeyPair {
  readonly name: string;
  readonly id?: string;
  readonly fingerprint?: string;
  readonly tags: Readonly<Record<string, string>>;
}

export function keyPairsOf(answer: XmlElement): KeyPair[] {
  return itemsOf(answer, 'keySet').map((item) => ({
    name: textOf(item, 'keyName') ?? '',
    ...optional('id', textOf(item, 'keyPairId')),
    ...optional('fingerprint', textOf(item, 'keyFingerprint')),
    tags: tagsOf(item),
  }));
}

export interface Vpc {
  readonly id: string;
  readonly isDefault: boolean;
  /** Its address range. */
  readonly range?: string;
}

export function vpcsOf(answer: XmlElement): Vpc[] {
  return itemsOf(answer, 'vpcSet').map((item) => ({
    id: textOf(item, 'vpcId') ?? '',
    isDefault: textOf(item, 'isDefault') === 'true',
    ...optional('range', textOf(item, 'cidrBlock')),
  }));
}

export interface Subnet {
  readonly id: string;
  readonly vpcId: string;
  readonly zone: string;
  readonly isDefaultForZone: boolean;
}

export function subnetsOf(answer: XmlElement): Subnet[] {
  return itemsOf(answer, 'subnetSet').map((item) => ({
    id: textOf(item, 'subnetId') ?? '',
    vpcId: textOf(item, 'vpcId') ?? '',
    zone: textOf(item, 'availabilityZone') ?? '',
    isDefaultForZone: textOf(item, 'defaultForAz') === 'true',
  }));
}

export interface Image {
  readonly id: string;
  readonly name: string;
  readonly architecture: string;
  /** ISO 8601. */
  readonly created: string;
  readonly rootDevice?: string;
  readonly state?: string;
  /** Of the disk that it is copied to, in GiB. */
  readonly rootSizeGiB?: number;
  /** Why it is in its state, in the service's words. */
  readonly reason?: string;
  readonly snapshotIds: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
}

export function imagesOf(answer: XmlElement): Image[] {
  return itemsOf(answer, 'imagesSet').map((item) => {
    const rootDevice = textOf(item, 'rootDeviceName');
    const devices = itemsOf(item, 'blockDeviceMapping');
    const root = devices.find((device) => textOf(device, 'deviceName') === rootDevice);
    const size = textOf(root, 'ebs', 'volumeSize');
    return {
      id: textOf(item, 'imageId') ?? '',
      name: textOf(item, 'name') ?? '',
      architecture: textOf(item, 'architecture') ?? '',
      created: textOf(item, 'creationDate') ?? '',
      ...optional('rootDevice', rootDevice),
      ...optional('state', textOf(item, 'imageState')),
      ...(size === undefined ? {} : { rootSizeGiB: Number(size) }),
      ...optional('reason', textOf(item, 'stateReason', 'message')),
      snapshotIds: devices.flatMap((device) => textOf(device, 'ebs', 'snapshotId') ?? []),
      tags: tagsOf(item),
    };
  });
}

/** The copy of a disk in which an image is. */
export interface Snapshot {
  readonly id: string;
  readonly tags: Readonly<Record<string, string>>;
}

export function snapshotsOf(answer: XmlElement): Snapshot[] {
  return itemsOf(answer, 'snapshotSet').map((item) => ({
    id: textOf(item, 'snapshotId') ?? '',
    tags: tagsOf(item),
  }));
}

/** The id that CreateImage answers. */
export function imageIdOf(answer: XmlElement): string | undefined {
  return textOf(answer, 'imageId');
}

export interface InstanceType {
  readonly name: string;
  readonly architectures: readonly string[];
}

export function instanceTypesOf(answer: XmlElement): InstanceType[] {
  return itemsOf(answer, 'instanceTypeSet').map((item) => ({
    name: textOf(item, 'instanceType') ?? '',
    architectures: itemsOf(item, 'processorInfo', 'supportedArchitectures').map(({ text }) => text.trim()),
  }));
}

export interface SpotRequest {
  readonly id: string;
  readonly state: string;
  readonly instanceId?: string;
  readonly tags: Readonly<Record<string, string>>;
}

export function spotRequestsOf(answer: XmlElement): SpotRequest[] {
  return itemsOf(answer, 'spotInstanceRequestSet').map((item) => ({
    id: textOf(item, 'spotInstanceRequestId') ?? '',
    state: textOf(item, 'state') ?? '',
    ...optional('instanceId', textOf(item, 'instanceId')),
    tags: tagsOf(item),
  }));
}

export interface Volume {
  readonly id: string;
  readonly state: string;
  readonly tags: Readonly<Record<string, string>>;
}

export function volumesOf(answer: XmlElement): Volume[] {
  return itemsOf(answer, 'volumeSet').map((item) => ({
    id: textOf(item, 'volumeId') ?? '',
    state: textOf(item, 'status') ?? '',
    tags: tagsOf(item),
  }));
}

/** Where the next page begins. */
export function nextTokenOf(answer: XmlElement): string | undefined {
  return textOf(answer, 'nextToken');
}

/** What an error says: EC2 has it in `Errors`, STS without. Undefined for an answer that is no error. */
export function errorOf(answer: XmlElement): { readonly code: string; readonly message: string } | undefined {
  const error = childOf(answer, 'Errors', 'Error') ?? childOf(answer, 'Error');
  const code = textOf(error, 'Code');
  return code === undefined ? undefined : { code, message: textOf(error, 'Message') ?? '' };
}

function tagsOf(item: XmlElement): Readonly<Record<string, string>> {
  return Object.fromEntries(
    itemsOf(item, 'tagSet').map((tag) => [textOf(tag, 'key') ?? '', textOf(tag, 'value') ?? '']),
  );
}

function optional<Name extends string>(name: Name, value: string | undefined): Partial<Record<Name, string>> {
  return value === undefined ? {} : ({ [name]: value } as Record<Name, string>);
}
