import { isIP } from 'node:net';
import { openPortForm } from '../../cloud/open-ports.ts';
import { isRange } from '../../cloud/public-address.ts';
import { MachineError } from '../../core/errors.ts';
import { plainText, recordFields } from '../record-fields.ts';

/** The driver's own part of a record, and the common keys that it uses. Empty texts stand for "not given". */
export interface OpenStackConfig {
  readonly address: string;
  readonly sshUser: string;
  readonly sshPort: number;
  readonly authUrl: string;
  readonly isInsecure: boolean;
  /** File of certificates of authorities. */
  readonly caPath: string;
  readonly activeTimeoutS: number;
  readonly domainId: string;
  readonly domainName: string;
  readonly userId: string;
  readonly userName: string;
  readonly userDomainId: string;
  readonly userDomainName: string;
  /** Secrets as docker-machine keeps them; tsmachine only where it is told to. */
  readonly password: string;
  readonly applicationSecret: string;
  readonly applicationId: string;
  readonly applicationName: string;
  /** What is a project today. */
  readonly tenantId: string;
  readonly tenantName: string;
  readonly tenantDomainId: string;
  readonly tenantDomainName: string;
  readonly region: string;
  readonly zone: string;
  readonly endpointType: string;
  readonly serverId: string;
  readonly flavorId: string;
  readonly flavorName: string;
  readonly imageId: string;
  readonly imageName: string;
  readonly networkId: string;
  readonly networkName: string;
  readonly serverGroupId: string;
  readonly serverGroupName: string;
  readonly keyName: string;
  readonly isExistingKey: boolean;
  readonly ownKeyPath: string;
  /** Base64. */
  readonly userData: string;
  readonly groupNames: readonly string[];
  readonly floatingPool: string;
  readonly floatingPoolId: string;
  readonly ipVersion: 4 | 6;
  readonly hasConfigDrive: boolean;
  readonly bootsFromVolume: boolean;
  readonly volumeId: string;
  readonly volumeName: string;
  readonly volumeDevice: string;
  readonly volumeType: string;
  readonly volumeSizeGiB: number;
}

/** Forms of texts in flags and records; ids are UUIDs at most clouds, but flavors are free, and old ones are numbers. */
export const forms = {
  id: /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/,
  name: /^[^\p{Cc}]{1,255}$/u,
  user: /^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,255}$/,
  url: /^https?:\/\/(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?(?:\/[A-Za-z0-9._~/-]*)?$/,
  base64: /^[A-Za-z0-9+/]*={0,2}$/,
} as const;

export const ranges = {
  port: { min: 1, max: 65_535, default: 22 },
  activeS: { min: 1, max: 86_400, default: 200, unit: ' s' },
  ipVersion: { min: 4, max: 6, default: 4 },
  volumeSize: { min: 0, max: 65_536, default: 0, unit: ' GiB' },
} as const;

/** The names of volumes that are made, as rancher's. */
export const defaultVolumeName = 'rancher-machine-volume';

/** Checks a stored record field by field. @throws MachineError `record-invalid`. */
export function readConfig(raw: Readonly<Record<string, unknown>>): OpenStackConfig {
  const { text, whole, flag, list } = recordFields(raw);
  return {
    address: addressField(text('IPAddress')),
    sshUser: text('SSHUser', forms.user) || 'root',
    sshPort: whole('SSHPort', ranges.port) || 22,
    authUrl: text('AuthUrl', forms.url),
    isInsecure: flag('Insecure'),
    caPath: text('CaCert'),
    activeTimeoutS: whole('ActiveTimeout', ranges.activeS) || ranges.activeS.default,
    domainId: text('DomainID'),
    domainName: text('DomainName'),
    userId: text('UserId'),
    userName: text('Username'),
    userDomainId: text('UserDomainId'),
    userDomainName: text('UserDomainName'),
    password: text('Password'),
    applicationSecret: text('ApplicationCredentialSecret'),
    applicationId: text('ApplicationCredentialId'),
    applicationName: text('ApplicationCredentialName'),
    tenantId: text('TenantId'),
    tenantName: text('TenantName'),
    tenantDomainId: text('TenantDomainId'),
    tenantDomainName: text('TenantDomainName'),
    region: text('Region'),
    zone: text('AvailabilityZone'),
    endpointType: text('EndpointType', endpointTypeForm),
    serverId: text('MachineId', forms.id),
    flavorId: text('FlavorId', forms.id),
    flavorName: text('FlavorName'),
    imageId: text('ImageId', forms.id),
    imageName: text('ImageName'),
    networkId: text('NetworkId', forms.id),
    networkName: text('NetworkName'),
    serverGroupId: text('ServerGroupId', forms.id),
    serverGroupName: text('ServerGroupName'),
    keyName: text('KeyPairName', forms.name),
    isExistingKey: flag('ExistingKey'),
    ownKeyPath: text('PrivateKeyFile'),
    userData: text('UserData', forms.base64),
    groupNames: list('SecurityGroups', forms.name),
    floatingPool: text('FloatingIpPool'),
    floatingPoolId: text('FloatingIpPoolId', forms.id),
    ipVersion: whole('IpVersion', ranges.ipVersion) === 6 ? 6 : 4,
    hasConfigDrive: flag('ConfigDrive'),
    bootsFromVolume: flag('BootFromVolume'),
    volumeId: text('VolumeId', forms.id),
    volumeName: text('VolumeName', forms.name) || defaultVolumeName,
    volumeDevice: text('VolumeDevicePath', plainText),
    volumeType: text('VolumeType'),
    volumeSizeGiB: whole('VolumeSize', ranges.volumeSize),
  };
}

/** As flags and records have them; clouds.yaml and OS_INTERFACE leave out `URL`. */
export const endpointTypeForm = /^(?:public|internal|admin)(?:URL)?$/;

function addressField(address: string): string {
  if (address !== '' && isIP(address) === 0) {
    throw new MachineError('record-invalid', 'The record of this machine has no usable IPAddress.', {
      why: 'Driver.IPAddress is no address.',
    });
  }
  return address;
}

/** What the driver knows beside the record: tsmachine.json. */
export interface OpenStackState {
  /** Entry of clouds.yaml. */
  readonly cloud: string;
  /** Address ranges from which the ports are open; empty for the address of whoever made the machine. */
  readonly openTo: readonly string[];
  readonly openPorts: readonly string[];
  readonly metadata: string;
  readonly userDataFile: string;
  /** Something may have been made. */
  readonly hasBegun: boolean;
  /** Of the project in which the machine was made; empty when that is not known. */
  readonly projectId: string;
  /** The key pair was made for this machine. */
  readonly hasOwnKeyPair: boolean;
  /** The group that was made for machines of this store. */
  readonly groupId: string;
  /** The volume of the record was made for this machine, or was about to be. */
  readonly hasOwnVolume: boolean;
  /** The request that makes the server may have been sent. */
  readonly maybeServer: boolean;
  readonly floatingIpId: string;
  /** The snapshot in which the root disk of the image is; empty for an image that Glance has itself. */
  readonly imageSnapshotId: string;
}

/** Checks it field by field. @throws MachineError `record-invalid`. */
export function readState(raw: Readonly<Record<string, unknown>>): OpenStackState {
  const { text, flag, list } = recordFields(raw);
  return {
    cloud: text('cloud'),
    openTo: list('openTo').filter(isRange),
    openPorts: list('openPorts', openPortForm),
    metadata: text('metadata', metadataForm),
    userDataFile: text('userDataFile'),
    hasBegun: flag('hasBegun'),
    projectId: text('projectId', forms.id),
    hasOwnKeyPair: flag('hasOwnKeyPair'),
    groupId: text('groupId', forms.id),
    hasOwnVolume: flag('hasOwnVolume'),
    maybeServer: flag('maybeServer'),
    floatingIpId: text('floatingIpId', forms.id),
    imageSnapshotId: text('imageSnapshotId', forms.id),
  };
}

export const metadataForm = /^[^\p{Cc}]{0,20000}$/u;
