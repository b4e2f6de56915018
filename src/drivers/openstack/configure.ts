import { isOpenPort } from '../../cloud/open-ports.ts';
import { isRange } from '../../cloud/public-address.ts';
import { MachineError } from '../../core/errors.ts';
import { booleanFlag, textFlag, wholeFlag } from '../config-values.ts';
import type { Configured, FlagValues } from '../driver.ts';
import { plainText } from '../record-fields.ts';
import { defaultVolumeName, endpointTypeForm, forms, metadataForm, ranges } from './config.ts';

/** Flag values to configuration. @throws MachineError `flag-invalid`, where docker-machine has a text for it in its words. */
export function configure(values: FlagValues): Configured {
  const flag = (name: string): string => `openstack-${name}`;
  const text = (name: string, pattern: RegExp = plainText, fallback = ''): string => {
    const value = textFlag(values, flag(name), fallback);
    return value === '' || pattern.test(value) ? value : refuse(flag(name), value);
  };
  const bool = (name: string): boolean => booleanFlag(values, flag(name));
  const list = (name: string, isRight: (value: string) => boolean): string[] => {
    const value = values[flag(name)] ?? [];
    const isList = Array.isArray(value) && value.every((each) => typeof each === 'string' && isRight(each));
    return isList ? [...(value as readonly string[])] : refuse(flag(name), value);
  };
  const ipVersion = wholeFlag(values, flag('ip-version'), ranges.ipVersion);
  const keyName = text('keypair-name', forms.name);
  const config = {
    AuthUrl: text('auth-url', forms.url),
    ActiveTimeout: wholeFlag(values, flag('active-timeout'), ranges.activeS),
    Insecure: bool('insecure'),
    CaCert: text('cacert'),
    DomainID: text('domain-id'),
    DomainName: text('domain-name'),
    UserId: text('user-id'),
    Username: text('username'),
    Password: text('password'),
    TenantName: text('tenant-name'),
    TenantId: text('tenant-id'),
    TenantDomainName: text('tenant-domain-name'),
    TenantDomainId: text('tenant-domain-id'),
    UserDomainName: text('user-domain-name'),
    UserDomainId: text('user-domain-id'),
    ApplicationCredentialId: text('application-credential-id'),
    ApplicationCredentialName: text('application-credential-name'),
    ApplicationCredentialSecret: text('application-credential-secret'),
    Region: text('region'),
    AvailabilityZone: text('availability-zone'),
    EndpointType: text('endpoint-type', endpointTypeForm),
    MachineId: '',
    FlavorName: text('flavor-name'),
    FlavorId: text('flavor-id', forms.id),
    ImageName: text('image-name'),
    ImageId: text('image-id', forms.id),
    ServerGroupName: text('server-group-name'),
    ServerGroupId: text('server-group-id', forms.id),
    KeyPairName: keyName,
    NetworkName: text('net-name'),
    NetworkId: text('net-id', forms.id),
    UserData: '',
    PrivateKeyFile: text('private-key-file'),
    SecurityGroups: splitNames(text('sec-groups')),
    FloatingIpPool: text('floatingip-pool'),
    ComputeNetwork: bool('nova-network'),
    FloatingIpPoolId: '',
    IpVersion: ipVersion,
    ConfigDrive: bool('config-drive'),
    BootFromVolume: bool('boot-from-volume'),
    VolumeName: text('volume-name', forms.name, defaultVolumeName) || defaultVolumeName,
    VolumeDevicePath: text('volume-device-path'),
    VolumeId: text('volume-id', forms.id),
    VolumeType: text('volume-type'),
    VolumeSize: wholeFlag(values, flag('volume-size'), ranges.volumeSize),
    ExistingKey: keyName !== '',
  };
  const cloud = text('cloud', forms.name);
  const openPorts = list('open-port', isOpenPort);
  requireTogether(config, { cloud, openPorts });
  // A token ends within hours, so it has no key in the record: `secrets` and the environment have it.
  text('token');
  return {
    config,
    state: {
      cloud,
      openTo: list('open-to', isRange),
      openPorts,
      metadata: text('metadata', metadataForm),
      userDataFile: text('user-data-file'),
    },
    common: {
      sshUser: text('ssh-user', forms.user, 'root') || 'root',
      sshPort: wholeFlag(values, flag('ssh-port'), ranges.port),
    },
  };
}

interface Given {
  readonly AuthUrl: string;
  readonly FlavorId: string;
  readonly FlavorName: string;
  readonly ImageId: string;
  readonly ImageName: string;
  readonly NetworkId: string;
  readonly NetworkName: string;
  readonly ServerGroupId: string;
  readonly ServerGroupName: string;
  readonly TenantId: string;
  readonly TenantName: string;
  readonly KeyPairName: string;
  readonly PrivateKeyFile: string;
  readonly SecurityGroups: readonly string[];
  readonly ComputeNetwork: boolean;
  readonly FloatingIpPool: string;
  readonly IpVersion: number;
  readonly BootFromVolume: boolean;
  readonly VolumeId: string;
  readonly VolumeSize: number;
}

function requireTogether(
  given: Given,
  { cloud, openPorts }: { readonly cloud: string; readonly openPorts: readonly string[] },
): void {
  const exclusive = (what: string, id: string, name: string): readonly [boolean, string] => [
    id !== '' && name !== '',
    `Either ${what} name or ${what} id must be specified, not both`,
  ];
  const needed = (what: string, flag: string, isGiven: boolean): readonly [boolean, string] => [
    !isGiven,
    `${what} name or ${what} id must be specified using the CLI option --openstack-${flag}-name or --openstack-${flag}-id`,
  ];
  const isVolumeBoot = given.BootFromVolume && given.VolumeId !== '';
  const problems: readonly (readonly [boolean, string])[] = [
    [
      given.AuthUrl === '' && cloud === '',
      'Authentication URL must be specified either using the environment variable OS_AUTH_URL or the CLI option --openstack-auth-url',
    ],
    exclusive('Flavor', given.FlavorId, given.FlavorName),
    needed('Flavor', 'flavor', given.FlavorId !== '' || given.FlavorName !== ''),
    exclusive('Image', given.ImageId, given.ImageName),
    needed('Image', 'image', given.ImageId !== '' || given.ImageName !== '' || isVolumeBoot),
    exclusive('Network', given.NetworkId, given.NetworkName),
    exclusive('Server group', given.ServerGroupId, given.ServerGroupName),
    exclusive('Tenant', given.TenantId, given.TenantName),
    [
      (given.KeyPairName === '') !== (given.PrivateKeyFile === ''),
      'Both KeyPairName and PrivateKeyFile must be specified',
    ],
    [given.ComputeNetwork, '--openstack-nova-network: nova-network is gone from OpenStack; leave it out'],
    [given.IpVersion === 5, '--openstack-ip-version is 4 or 6'],
    [
      given.IpVersion === 6 && given.FloatingIpPool !== '',
      'floating IPs are of version 4: --openstack-floatingip-pool and --openstack-ip-version 6 exclude each other',
    ],
    [
      given.VolumeId !== '' && given.VolumeSize > 0,
      'Either Volume id or Volume size must be specified, not both',
    ],
    [
      openPorts.length > 0 && given.SecurityGroups.length > 0,
      'security groups that are there stay as they are: --openstack-open-port and --openstack-sec-groups exclude each other',
    ],
  ];
  const problem = problems.find(([isThere]) => isThere)?.[1];
  if (problem !== undefined) {
    throw new MachineError('flag-invalid', problem);
  }
}

function splitNames(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function refuse(flag: string, value: unknown): never {
  throw new MachineError('flag-invalid', `invalid value ${JSON.stringify(value)} for flag -${flag}`);
}
