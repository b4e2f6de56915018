/**
 * The Query protocol of EC2 (version 2016-11-15): an action and named parameters as a form. Names are mostly singular and
 * not those of the SDKs. A wrong one is ignored by the service in silence, so only names of this table are written.
 */

/** Values by name; lists become `Name.1`, `Name.2`, objects `Name.Part`. What is undefined is left out. */
export interface QueryParameters {
  readonly [name: string]: QueryValue;
}

export type QueryValue =
  string | number | boolean | undefined | QueryParameters | readonly (string | QueryParameters)[];

export const apiVersion = '2016-11-15';

const filter = ['Filter.N.Name', 'Filter.N.Value.N'];
const tags = [
  'TagSpecification.N.ResourceType',
  'TagSpecification.N.Tag.N.Key',
  'TagSpecification.N.Tag.N.Value',
];
const pages = ['MaxResults', 'NextToken'];

const names = {
  RunInstances: [
    ...[
      'ImageId',
      'MinCount',
      'MaxCount',
      'InstanceType',
      'KeyName',
      'ClientToken',
      'UserData',
      'EbsOptimized',
    ],
    ...[
      'Monitoring.Enabled',
      'Placement.AvailabilityZone',
      'IamInstanceProfile.Name',
      'IamInstanceProfile.Arn',
    ],
    ...[
      'NetworkInterface.N.DeviceIndex',
      'NetworkInterface.N.SubnetId',
      'NetworkInterface.N.SecurityGroupId.N',
    ],
    ...['NetworkInterface.N.AssociatePublicIpAddress', 'NetworkInterface.N.DeleteOnTermination'],
    ...['NetworkInterface.N.Ipv6AddressCount', 'NetworkInterface.N.PrimaryIpv6'],
    ...['BlockDeviceMapping.N.DeviceName', 'BlockDeviceMapping.N.Ebs.VolumeSize'],
    ...['BlockDeviceMapping.N.Ebs.VolumeType', 'BlockDeviceMapping.N.Ebs.Encrypted'],
    ...['BlockDeviceMapping.N.Ebs.KmsKeyId', 'BlockDeviceMapping.N.Ebs.DeleteOnTermination'],
    ...['MetadataOptions.HttpTokens', 'MetadataOptions.HttpEndpoint', 'MetadataOptions.HttpProtocolIpv6'],
    ...['MetadataOptions.HttpPutResponseHopLimit', 'InstanceMarketOptions.MarketType'],
    ...['InstanceMarketOptions.SpotOptions.MaxPrice', 'InstanceMarketOptions.SpotOptions.SpotInstanceType'],
    'InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior',
    'InstanceMarketOptions.SpotOptions.BlockDurationMinutes',
    ...['InstanceInitiatedShutdownBehavior', 'DryRun', ...tags],
  ],
  ImportKeyPair: ['KeyName', 'PublicKeyMaterial', ...tags],
  CreateSecurityGroup: ['GroupName', 'GroupDescription', 'VpcId', ...tags],
  AuthorizeSecurityGroupIngress: [
    ...['GroupId', 'IpPermissions.N.IpProtocol', 'IpPermissions.N.FromPort', 'IpPermissions.N.ToPort'],
    ...['IpPermissions.N.IpRanges.N.CidrIp', 'IpPermissions.N.IpRanges.N.Description'],
    ...['IpPermissions.N.Ipv6Ranges.N.CidrIpv6', 'IpPermissions.N.Groups.N.GroupId'],
  ],
  DescribeInstances: ['InstanceId.N', ...filter, ...pages],
  DescribeImages: ['ImageId.N', 'Owner.N', ...filter],
  DescribeSubnets: ['SubnetId.N', ...filter, ...pages],
  DescribeVpcs: ['VpcId.N', ...filter, ...pages],
  DescribeInstanceTypes: ['InstanceType.N', ...filter, ...pages],
  DescribeSecurityGroups: ['GroupId.N', 'GroupName.N', ...filter, ...pages],
  DescribeVolumes: ['VolumeId.N', ...filter, ...pages],
  DescribeSpotInstanceRequests: ['SpotInstanceRequestId.N', ...filter, ...pages],
  DescribeKeyPairs: ['KeyName.N', 'KeyPairId.N', ...filter],
  StartInstances: ['InstanceId.N'],
  RebootInstances: ['InstanceId.N'],
  TerminateInstances: ['InstanceId.N'],
  StopInstances: ['InstanceId.N', 'Force'],
  CreateImage: ['InstanceId', 'Name', 'Description', ...tags],
  DeregisterImage: ['ImageId'],
  DescribeSnapshots: ['SnapshotId.N', 'Owner.N', ...filter, ...pages],
  DeleteSnapshot: ['SnapshotId'],
  CreateTags: ['ResourceId.N', 'Tag.N.Key', 'Tag.N.Value'],
  DeleteTags: ['ResourceId.N', 'Tag.N.Key'],
  ModifyInstanceAttribute: ['InstanceId', 'InstanceInitiatedShutdownBehavior.Value'],
  DeleteKeyPair: ['KeyName', 'KeyPairId'],
  DeleteSecurityGroup: ['GroupId'],
  DeleteVolume: ['VolumeId'],
  CancelSpotInstanceRequests: ['SpotInstanceRequestId.N'],
  GetConsoleOutput: ['InstanceId', 'Latest'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** An action of EC2 that this driver uses. */
export type Ec2Action = keyof typeof names;

/** Every action, for the documentation of what an account must allow. */
export const ec2Actions = Object.keys(names) as readonly Ec2Action[];

const known = new Map(Object.entries(names).map(([action, list]) => [action, new Set<string>(list)]));

/** The body of a request. @throws TypeError for a name that the action does not have. */
export function queryBody(action: Ec2Action, parameters: QueryParameters): string {
  const pairs = flatten(parameters);
  for (const [name] of pairs) {
    if (known.get(action)?.has(name.replace(/\.\d+(?=\.|$)/g, '.N')) !== true) {
      throw new TypeError(`${action} has no parameter ${name}`);
    }
  }
  return formBody([['Action', action], ['Version', apiVersion], ...pairs]);
}

/** Names and values as a form; everything is escaped that RFC 3986 does not call unreserved. */
export function formBody(pairs: readonly (readonly [string, string])[]): string {
  return pairs.map(([name, value]) => `${escape(name)}=${escape(value)}`).join('&');
}

function flatten(value: QueryParameters, prefix = ''): [string, string][] {
  return Object.entries(value).flatMap(([name, each]) => flattenValue(each, `${prefix}${name}`));
}

function flattenValue(value: QueryValue, name: string): [string, string][] {
  if (value === undefined) {
    return [];
  }
  if (isList(value)) {
    return value.flatMap((each, index) => flattenValue(each, `${name}.${index + 1}`));
  }
  return typeof value === 'object' ? flatten(value, `${name}.`) : [[name, String(value)]];
}

function isList(value: QueryValue): value is readonly (string | QueryParameters)[] {
  return Array.isArray(value);
}

function escape(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
