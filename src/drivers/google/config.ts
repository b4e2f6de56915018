import { isIP, isIPv4 } from 'node:net';
import { isOpenPort, openPortForm } from '../../cloud/open-ports.ts';
import { isRange } from '../../cloud/public-address.ts';
import { MachineError } from '../../core/errors.ts';
import { textFlag, wholeFlag } from '../config-values.ts';
import type { Configured, FlagValues } from '../driver.ts';
import { plainText, recordFields } from '../record-fields.ts';
import { labelProblem } from './labels.ts';
import { defaultScopes } from './manifest.ts';
import { projectName, resourceName } from './names.ts';

/** The driver's own part of a record, and the common keys that it uses. Empty texts stand for "not given". */
export interface GoogleConfig {
  /** At which the machine was reached last. */
  readonly ipAddress: string;
  readonly sshUser: string;
  readonly sshPort: number;
  readonly project: string;
  readonly zone: string;
  readonly machineType: string;
  /** `PROJECT/global/images/NAME` or `PROJECT/global/images/family/NAME`; empty until it is chosen. */
  readonly image: string;
  readonly diskType: string;
  readonly diskSizeGb: number;
  /** Static external address, by name or literally. */
  readonly staticAddress: string;
  readonly network: string;
  readonly subnetwork: string;
  readonly isSpot: boolean;
  readonly usesInternalAddress: boolean;
  readonly isInternalOnly: boolean;
  readonly serviceAccount: string;
  readonly scopes: string;
  readonly tags: readonly string[];
  readonly isExisting: boolean;
  readonly openPorts: readonly string[];
  /** Credentials as rancher keeps them; tsmachine only where it is told to. */
  readonly credentials: string;
  readonly labels: string;
  readonly externalRulePrefix: string;
  readonly internalRulePrefix: string;
  readonly userData: string;
}

const userName = /^[a-z_][a-z0-9_-]{0,31}$/;
const resourcePath = /^[A-Za-z0-9][A-Za-z0-9.:/_-]{0,511}$/;
const imagePath = /^[a-z0-9.:-]+\/global\/images\/(?:family\/)?[a-z][-a-z0-9]{0,62}$/;
const urlForm = /^https?:\/\/(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?$/;
const word = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;
const email = /^[A-Za-z0-9.@:_-]{1,254}$/;
const longText = /^[^\p{Cc}]{0,20000}$/u;
const documentText = /^[^\0]{0,300000}$/u;
const rulePrefix = /^[a-z](?:[-a-z0-9]{0,20}[a-z0-9])?$/;
const accelerator = /^(?:count=\d{1,2},type=[a-z0-9-]+|type=[a-z0-9-]+(?:,count=\d{1,2})?)$/;
const metadataItem = /^[A-Za-z0-9_-]{1,128}=[^\0]*$/u;
/** Keys that this driver needs for itself. */
const ownMetadata = /^(?:ssh-keys|user-data)=/i;
const ranges = {
  diskSize: { min: 1, max: 65_536, default: 10, unit: ' GB' },
  port: { min: 1, max: 65_535, default: 22 },
} as const;

/** Flag values to configuration. @throws MachineError `flag-invalid`. */
export function configure(values: FlagValues): Configured {
  const flag = (name: string): string => `google-${name}`;
  const text = (name: string, isRight: RegExp | ((value: string) => boolean), fallback = ''): string => {
    const value = textFlag(values, flag(name), fallback) || fallback;
    const fits = typeof isRight === 'function' ? isRight : (one: string): boolean => isRight.test(one);
    return value === '' || fits(value) ? value : refuse(flag(name), value);
  };
  const bool = (name: string): boolean => {
    const value = values[flag(name)] ?? false;
    return typeof value === 'boolean' ? value : refuse(flag(name), value);
  };
  const list = (name: string, isRight: (value: string) => boolean): string[] => {
    const value = values[flag(name)] ?? [];
    const isList = Array.isArray(value) && value.every((each) => typeof each === 'string' && isRight(each));
    return isList ? [...(value as readonly string[])] : refuse(flag(name), value);
  };
  const project = text('project', projectName);
  if (project === '') {
    // docker-machine's text.
    throw new MachineError('flag-invalid', 'no Google Cloud Project name specified (--google-project)');
  }
  const labels = text('vm-labels', longText);
  const problem = labelProblem(labels);
  if (problem !== undefined) {
    refuse(flag('vm-labels'), labels, problem);
  }
  const isInternalOnly = bool('use-internal-ip-only');
  const address = text('address', (value) => isIPv4(value) || resourceName.test(value));
  if (isInternalOnly && address !== '') {
    refuse(flag('address'), address, 'With --google-use-internal-ip-only there is no external address.');
  }
  const config = {
    Zone: text('zone', resourceName, 'us-central1-a'),
    MachineType: text('machine-type', word, 'e2-small'),
    MachineImage: imageFlag(textFlag(values, flag('machine-image')), project),
    DiskType: text('disk-type', word, 'pd-balanced'),
    Address: address,
    Network: text('network', resourcePath, 'default'),
    Subnetwork: text('subnetwork', resourcePath),
    Preemptible: bool('preemptible'),
    UseInternalIP: bool('use-internal-ip') || isInternalOnly,
    UseInternalIPOnly: isInternalOnly,
    ServiceAccount: text('service-account', email, 'default'),
    Scopes: text('scopes', longText, defaultScopes),
    DiskSize: wholeFlag(values, flag('disk-size'), ranges.diskSize),
    Project: project,
    Tags: text('tags', (value) => splitTags(value).every((tag) => resourceName.test(tag))),
    UseExisting: bool('use-existing'),
    OpenPorts: list('open-port', isOpenPort),
    Auth: text('auth-encoded-json', documentText),
    Labels: labels,
    ExternalFirewallRulePrefix: text('external-firewall-rule-prefix', rulePrefix),
    InternalFirewallRulePrefix: text('internal-firewall-rule-prefix', rulePrefix),
    Userdata: text('userdata', documentText),
  };
  const policy = text('maintenance-policy', /^(?:migrate|terminate)$/i).toUpperCase();
  return {
    config,
    state: {
      origin: ours,
      endpoint: text('endpoint', (value) => urlForm.test(value.replace(/\/$/, ''))).replace(/\/$/, ''),
      openTo: list('open-to', isRange),
      accelerators: list('accelerator', (value) => accelerator.test(value)),
      maintenancePolicy: policy,
      metadata: list('metadata', (value) => metadataItem.test(value) && !ownMetadata.test(value)),
      minCpuPlatform: text('min-cpu-platform', plainText),
    },
    common: { sshUser: text('username', userName, 'docker-user'), sshPort: ranges.port.default },
  };
}

/**
 * An image in docker-machine's form, `PROJECT/global/images/NAME`; a bare name is of the machine's own project.
 * @throws MachineError `flag-invalid`.
 */
function imageFlag(value: string, project: string): string {
  const bare = value.replace(/^https:\/\/[^/]+\/compute\/v1\//, '').replace(/^\/?projects\//, '');
  const whole = bare === '' || bare.includes('/') ? bare : `${project}/global/images/${bare}`;
  return whole === '' || imagePath.test(whole)
    ? whole
    : refuse('google-machine-image', value, 'It takes PROJECT/global/images/NAME or …/images/family/NAME.');
}

function splitTags(text: string): readonly string[] {
  return text
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
}

function refuse(flag: string, value: unknown, why?: string): never {
  throw new MachineError('flag-invalid', `invalid value ${JSON.stringify(value)} for flag -${flag}`, {
    ...(why === undefined ? {} : { why }),
  });
}

/** Checks a stored record field by field. @throws MachineError `record-invalid`. */
export function readConfig(raw: Readonly<Record<string, unknown>>): GoogleConfig {
  const { text, whole, flag, list } = recordFields(raw);
  return {
    ipAddress: addressField(text('IPAddress')),
    sshUser: text('SSHUser', /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/) || 'docker-user',
    sshPort: whole('SSHPort', ranges.port) || ranges.port.default,
    project: text('Project', projectName),
    zone: text('Zone', resourceName) || 'us-central1-a',
    machineType: text('MachineType', word) || 'e2-small',
    image: text('MachineImage', resourcePath),
    diskType: text('DiskType', word) || 'pd-balanced',
    diskSizeGb: whole('DiskSize', ranges.diskSize) || ranges.diskSize.default,
    staticAddress: text('Address', resourcePath),
    network: text('Network', resourcePath) || 'default',
    subnetwork: text('Subnetwork', resourcePath),
    isSpot: flag('Preemptible'),
    usesInternalAddress: flag('UseInternalIP') || flag('UseInternalIPOnly'),
    isInternalOnly: flag('UseInternalIPOnly'),
    serviceAccount: text('ServiceAccount', email) || 'default',
    scopes: text('Scopes', longText),
    tags: splitTags(text('Tags', longText)),
    isExisting: flag('UseExisting'),
    openPorts: list('OpenPorts', openPortForm),
    credentials: text('Auth', documentText),
    labels: text('Labels', longText),
    externalRulePrefix: text('ExternalFirewallRulePrefix'),
    internalRulePrefix: text('InternalFirewallRulePrefix'),
    userData: text('Userdata', documentText),
  };
}

function addressField(address: string): string {
  if (address !== '' && isIP(address) === 0) {
    throw new MachineError('record-invalid', 'The record of this machine has no usable IPAddress.', {
      why: 'Driver.IPAddress is no address.',
    });
  }
  return address;
}

const ours = 'tsmachine';

/** What the driver knows beside the record: tsmachine.json. */
export interface GoogleState {
  /** False for machines that docker-machine or rancher made: nothing at Google carries our marks. */
  readonly isOurs: boolean;
  readonly endpoint: string;
  /** Address ranges from which the ports are open; empty for the address of whoever made the machine. */
  readonly openTo: readonly string[];
  readonly accelerators: readonly string[];
  readonly maintenancePolicy: string;
  readonly metadata: readonly string[];
  readonly minCpuPlatform: string;
  /** Path of the network that was chosen, `projects/P/global/networks/N`. */
  readonly networkPath: string;
  readonly subnetworkPath: string;
  /** The static external address itself. */
  readonly externalAddress: string;
  readonly imageSizeGb: number;
  /** The image was baked of one that may have no cloud-init. */
  readonly imageLacksCloudInit: boolean;
  /** Network tag by which firewall rules find the machine. */
  readonly firewallTag: string;
  /** Names of those rules, kept before they are made. */
  readonly firewallRules: readonly string[];
  /** The id of the call that makes the instance, kept before it is sent. */
  readonly requestId: string;
  /** Google's number of the instance. */
  readonly instanceId: string;
}

const number = /^\d{1,20}$/;

/** Checks it field by field. @throws MachineError `record-invalid`. */
export function readState(raw: Readonly<Record<string, unknown>>): GoogleState {
  const { text, whole, flag, list } = recordFields(raw);
  return {
    isOurs: text('origin') === ours,
    endpoint: text('endpoint', urlForm),
    openTo: list('openTo').filter(isRange),
    accelerators: list('accelerators', accelerator),
    maintenancePolicy: text('maintenancePolicy', word),
    metadata: list('metadata', metadataItem),
    minCpuPlatform: text('minCpuPlatform'),
    networkPath: text('networkPath', resourcePath),
    subnetworkPath: text('subnetworkPath', resourcePath),
    externalAddress: text('externalAddress', /^[0-9.]{7,15}$/),
    imageSizeGb: whole('imageSizeGb', ranges.diskSize),
    imageLacksCloudInit: flag('imageLacksCloudInit'),
    firewallTag: text('firewallTag', resourceName),
    firewallRules: list('firewallRules', resourceName),
    requestId: text('requestId', /^[0-9a-f-]{36}$/),
    instanceId: text('instanceId', number),
  };
}
