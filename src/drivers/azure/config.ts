import { isIPv4, isIP } from 'node:net';
import { isOpenPort, openPortForm } from '../../cloud/open-ports.ts';
import { parseTagList } from '../../cloud/ownership.ts';
import { isRange } from '../../cloud/public-address.ts';
import { MachineError } from '../../core/errors.ts';
import { booleanFlag, textFlag, wholeFlag } from '../config-values.ts';
import type { Configured, FlagValues } from '../driver.ts';
import { plainText, recordFields } from '../record-fields.ts';
import { findCloud } from './clouds.ts';

/** The driver's own part of a record, and the common keys that it uses. Empty texts stand for "not given". */
export interface AzureConfig {
  readonly address: string;
  readonly sshUser: string;
  readonly environment: string;
  readonly subscriptionId: string;
  readonly tenantId: string;
  readonly clientId: string;
  /** As docker-machine keeps it; tsmachine only where it is told to. */
  readonly clientSecret: string;
  readonly resourceGroup: string;
  readonly location: string;
  readonly enginePort: number;
  readonly size: string;
  readonly image: string;
  readonly plan: string;
  /** `[GROUP:]NAME`. */
  readonly network: string;
  readonly subnet: string;
  readonly subnetPrefix: string;
  readonly availabilitySet: string;
  readonly faultDomainCount: number;
  readonly updateDomainCount: number;
  readonly zone: string;
  /** Name or resource id; empty for one of the machine's own. */
  readonly securityGroup: string;
  readonly diskSizeGiB: number;
  readonly storageType: string;
  readonly customDataFile: string;
  readonly openPorts: readonly string[];
  readonly privateAddress: string;
  readonly usesPrivateAddress: boolean;
  readonly hasNoPublicAddress: boolean;
  readonly dnsLabel: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly isAccelerated: boolean;
}

const forms = {
  /** A region, a size, a type: `westus`, `Standard_B2s`. */
  word: /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/,
  uuid: /^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/,
  // A tenant may also be a domain: `contoso.onmicrosoft.com`.
  tenant: /^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/,
  // Azure's rules of names (its documentation, "Naming rules and restrictions for Azure resources").
  resourceGroup: /^[\p{L}\p{N}_().-]{0,89}[\p{L}\p{N}_()-]$/u,
  name: /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?$/,
  network: /^(?:[\p{L}\p{N}_().-]{0,89}[\p{L}\p{N}_()-]:)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9_])?$/u,
  // Ids hold names of groups, which may have letters of any language.
  resourceId: /^\/subscriptions\/[^\p{Cc}\s?#%]{1,2000}$/u,
  securityGroup:
    /^(?:\/subscriptions\/[^\p{Cc}\s?#%]{1,2000}|[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?)$/u,
  image: /^(?:[A-Za-z0-9_.-]{1,256}(?::[A-Za-z0-9_.-]{1,256}){3}|\/[^\p{Cc}\s?#%]{1,2000})$/u,
  plan: /^[A-Za-z0-9_.-]{1,256}(?::[A-Za-z0-9_.-]{1,256}){2}$/,
  zone: /^[1-9]\d{0,2}$/,
  dnsLabel: /^[a-z][a-z0-9-]{1,61}[a-z0-9]$/,
  user: /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/,
  price: /^\d{1,4}(?:\.\d{1,6})?$/,
  endpoint:
    /^(?:https:\/\/[A-Za-z0-9.-]+|http:\/\/(?:127(?:\.\d{1,3}){3}|localhost|\[::1\]))(?::\d{1,5})?(?:\/[A-Za-z0-9._~-]+)*\/?$/,
  tagName: /^[^\p{Cc}<>%&\\?/]{1,512}$/u,
  tagValue: /^[^\p{Cc}]{0,256}$/u,
} as const;

const ranges = {
  port: { min: 1, max: 65_535, default: 2376 },
  diskSize: { min: 1, max: 4_095, default: 30, unit: ' GB' },
  faultDomains: { min: 1, max: 3, default: 3 },
  updateDomains: { min: 1, max: 20, default: 5 },
} as const;

/** SSH is on no other port. */
export const sshPort = 22;

const defaults = {
  environment: 'AzurePublicCloud',
  resourceGroup: 'docker-machine',
  location: 'westus',
  size: 'Standard_B2s',
  network: 'docker-machine-vnet',
  subnet: 'docker-machine',
  subnetPrefix: '192.168.0.0/16',
  storageType: 'Standard_LRS',
  sshUser: 'docker-user',
} as const;

/** Flag values to configuration. @throws MachineError `flag-invalid`. */
export function configure(values: FlagValues): Configured {
  const flag = (name: string): string => `azure-${name}`;
  const text = (name: string, isRight: RegExp | ((value: string) => boolean), fallback = ''): string => {
    const value = textFlag(values, flag(name), fallback);
    const fits = typeof isRight === 'function' ? isRight(value) : isRight.test(value);
    return value === '' || fits ? value : refuse(flag(name), value);
  };
  // docker-machine's rule and text for these.
  const needed = (name: string, isRight: RegExp | ((value: string) => boolean), fallback = ''): string => {
    const value = text(name, isRight, fallback);
    if (value === '') {
      throw new MachineError('flag-invalid', `azure driver requires the "${flag(name)}" option.`);
    }
    return value;
  };
  const bool = (name: string): boolean => booleanFlag(values, flag(name));
  const list = (name: string, isRight: (value: string) => boolean): string[] => {
    const value = values[flag(name)] ?? [];
    const isList = Array.isArray(value) && value.every((each) => typeof each === 'string' && isRight(each));
    return isList ? [...(value as readonly string[])] : refuse(flag(name), value);
  };
  const tagText = text('tags', /^[^\p{Cc}]{0,40000}$/u);
  const { tags, dropped } = parseTagList(tagText);
  if (Object.entries(tags).some(([key, value]) => !forms.tagName.test(key) || !forms.tagValue.test(value))) {
    refuse(
      flag('tags'),
      tagText,
      'A name has at most 512 characters and none of <>%&\\?/, a value at most 256.',
    );
  }
  const zone = text('availability-zone', forms.zone);
  const availabilitySet = text('availability-set', forms.name);
  const isSpot = bool('spot');
  requireTogether({ zone, availabilitySet, isSpot });
  const spotFallback = textFlag(values, flag('spot-fallback'), 'none') || 'none';
  if (spotFallback !== 'none' && spotFallback !== 'on-demand') {
    refuse(flag('spot-fallback'), spotFallback, 'It takes: none, on-demand.');
  }
  const config = {
    ClientID: text('client-id', plainText),
    ClientSecret: text('client-secret', plainText),
    TenantID: text('tenant-id', forms.tenant),
    Environment: needed('environment', (name) => findCloud(name) !== undefined, defaults.environment),
    SubscriptionID: needed('subscription-id', forms.uuid),
    ResourceGroup: needed('resource-group', forms.resourceGroup, defaults.resourceGroup),
    DockerPort: wholeFlag(values, flag('docker-port'), ranges.port),
    Location: needed('location', /^[A-Za-z0-9][A-Za-z0-9 ]{0,63}$/, defaults.location),
    Size: needed('size', forms.word, defaults.size),
    Image: text('image', forms.image),
    Plan: text('plan', forms.plan),
    VirtualNetwork: needed('vnet', forms.network, defaults.network),
    SubnetName: needed('subnet', forms.name, defaults.subnet),
    SubnetPrefix: needed('subnet-prefix', isRange, defaults.subnetPrefix),
    AvailabilitySet: availabilitySet,
    FaultCount: wholeFlag(values, flag('fault-domain-count'), ranges.faultDomains),
    UpdateCount: wholeFlag(values, flag('update-domain-count'), ranges.updateDomains),
    AvailabilityZone: zone,
    NSG: text('nsg', forms.securityGroup),
    ManagedDisks: true,
    DiskSize: wholeFlag(values, flag('disk-size'), ranges.diskSize),
    StorageType: needed('storage-type', forms.word, defaults.storageType),
    OpenPorts: list('open-port', isOpenPort),
    PrivateIPAddr: text('private-ip-address', isIPv4),
    UsePrivateIP: bool('use-private-ip'),
    NoPublicIP: bool('no-public-ip'),
    DNSLabel: text('dns', forms.dnsLabel),
    // What these flags once turned on is always so.
    StaticPublicIP: bool('static-public-ip') || !bool('no-public-ip'),
    EnablePublicIPStandardSKU: bool('enable-public-ip-standard-sku') || true,
    CustomDataFile: text('custom-data', plainText),
    Tags: tags,
    AcceleratedNetworking: bool('accelerated-networking'),
  };
  bool('managed-disks');
  return {
    config,
    state: {
      isMadeHere: true,
      openTo: list('open-to', isRange),
      certificatePath: text('client-certificate', plainText),
      endpoint: text('endpoint', forms.endpoint),
      loginEndpoint: text('login-endpoint', forms.endpoint),
      isSpot,
      spotPrice: text('spot-price', forms.price),
      spotFallback,
      droppedTag: dropped ?? '',
    },
    common: { sshUser: needed('ssh-user', forms.user, defaults.sshUser), sshPort },
  };
}

function requireTogether(given: {
  readonly zone: string;
  readonly availabilitySet: string;
  readonly isSpot: boolean;
}): void {
  if (given.availabilitySet === '') {
    return;
  }
  const other = given.zone !== '' ? '--azure-availability-zone' : given.isSpot ? '--azure-spot' : undefined;
  if (other !== undefined) {
    throw new MachineError('flag-invalid', `--azure-availability-set and ${other} exclude each other.`);
  }
}

function refuse(flag: string, value: unknown, why?: string): never {
  throw new MachineError('flag-invalid', `invalid value ${JSON.stringify(value)} for flag -${flag}`, {
    ...(why === undefined ? {} : { why }),
  });
}

/** Checks a stored record field by field. @throws MachineError `record-invalid`. */
export function readConfig(raw: Readonly<Record<string, unknown>>): AzureConfig {
  const { text, whole, flag, list } = recordFields(raw);
  const hasNoPublicAddress = flag('NoPublicIP');
  return {
    address: addressField('IPAddress', text('IPAddress')),
    sshUser: text('SSHUser', forms.user) || defaults.sshUser,
    environment: environmentField(text('Environment')),
    subscriptionId: text('SubscriptionID', forms.uuid),
    tenantId: text('TenantID', forms.tenant),
    clientId: text('ClientID'),
    clientSecret: text('ClientSecret'),
    resourceGroup: text('ResourceGroup', forms.resourceGroup) || defaults.resourceGroup,
    location: text('Location', /^[A-Za-z0-9][A-Za-z0-9 ]{0,63}$/) || defaults.location,
    enginePort: whole('DockerPort', ranges.port) || ranges.port.default,
    size: text('Size', forms.word) || defaults.size,
    image: text('Image', forms.image),
    plan: text('Plan', forms.plan),
    network: text('VirtualNetwork', forms.network) || defaults.network,
    subnet: text('SubnetName', forms.name) || defaults.subnet,
    subnetPrefix: rangeField(text('SubnetPrefix')),
    availabilitySet: text('AvailabilitySet', forms.name),
    faultDomainCount: whole('FaultCount', ranges.faultDomains) || ranges.faultDomains.default,
    updateDomainCount: whole('UpdateCount', ranges.updateDomains) || ranges.updateDomains.default,
    zone: text('AvailabilityZone', forms.zone),
    securityGroup: text('NSG', forms.securityGroup),
    diskSizeGiB: whole('DiskSize', ranges.diskSize) || ranges.diskSize.default,
    storageType: text('StorageType', forms.word) || defaults.storageType,
    customDataFile: text('CustomDataFile'),
    openPorts: list('OpenPorts', openPortForm),
    privateAddress: addressField('PrivateIPAddr', text('PrivateIPAddr')),
    usesPrivateAddress: flag('UsePrivateIP') || hasNoPublicAddress,
    hasNoPublicAddress,
    dnsLabel: text('DNSLabel', forms.dnsLabel),
    tags: tagsField(raw),
    isAccelerated: flag('AcceleratedNetworking'),
  };
}

function invalid(key: string, why: string): MachineError {
  return new MachineError('record-invalid', `The record of this machine has no usable ${key}.`, {
    why: `Driver.${key} ${why}.`,
  });
}

function addressField(key: string, address: string): string {
  if (address !== '' && isIP(address) === 0) {
    throw invalid(key, 'is no address');
  }
  return address;
}

function rangeField(range: string): string {
  if (range !== '' && !isRange(range)) {
    throw invalid('SubnetPrefix', 'is no address range');
  }
  return range === '' ? defaults.subnetPrefix : range;
}

function environmentField(name: string): string {
  if (name !== '' && findCloud(name) === undefined) {
    throw invalid('Environment', 'is no cloud of Azure');
  }
  return name === '' ? defaults.environment : name;
}

/** Rancher keeps them as an object. */
function tagsField(raw: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const value = Object.entries(raw).find(([key]) => key.toLowerCase() === 'tags')?.[1] ?? {};
  const isMap =
    typeof value === 'object' &&
    !Array.isArray(value) &&
    Object.entries(value).every(
      ([key, each]) =>
        forms.tagName.test(key) && (each === null || (typeof each === 'string' && forms.tagValue.test(each))),
    );
  if (!isMap) {
    throw invalid('Tags', 'is no object of texts');
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, String(each ?? '')]));
}

/** What the driver knows beside the record: tsmachine.json. */
export interface AzureState {
  /** The machine is tsmachine's: what belongs to it carries its tags. False for one of docker-machine or rancher. */
  readonly isMadeHere: boolean;
  /** From then on there may be something of it at Azure. */
  readonly isBegun: boolean;
  /** The request that makes the virtual machine may have been sent. */
  readonly isMachineAsked: boolean;
  /** Id of its disk, once it is known. */
  readonly diskId: string;
  /** The subnet was made for this machine, in a network that is somebody else's. */
  readonly hasOwnSubnet: boolean;
  /** Address ranges from which the ports are open; empty for the address of whoever made the machine. */
  readonly openTo: readonly string[];
  readonly certificatePath: string;
  readonly endpoint: string;
  readonly loginEndpoint: string;
  readonly isSpot: boolean;
  readonly spotPrice: string;
  readonly spotFallback: string;
  /** A tag that was given without a value. */
  readonly droppedTag: string;
}

/** Checks it field by field. @throws MachineError `record-invalid`. */
export function readState(raw: Readonly<Record<string, unknown>>): AzureState {
  const { text, flag, list } = recordFields(raw);
  return {
    isMadeHere: flag('isMadeHere'),
    isBegun: flag('isBegun'),
    isMachineAsked: flag('isMachineAsked'),
    diskId: text('diskId', forms.resourceId),
    hasOwnSubnet: flag('hasOwnSubnet'),
    openTo: list('openTo').filter(isRange),
    certificatePath: text('certificatePath'),
    endpoint: text('endpoint', forms.endpoint),
    loginEndpoint: text('loginEndpoint', forms.endpoint),
    isSpot: flag('isSpot'),
    spotPrice: text('spotPrice', forms.price),
    spotFallback: text('spotFallback', forms.word),
    droppedTag: text('droppedTag'),
  };
}
