import { isIP } from 'node:net';
import { isOpenPort, openPortForm } from '../../cloud/open-ports.ts';
import { isRange } from '../../cloud/public-address.ts';
import { MachineError } from '../../core/errors.ts';
import { textFlag, wholeFlag } from '../config-values.ts';
import type { Configured, FlagValues } from '../driver.ts';
import { plainText, recordFields } from '../record-fields.ts';

/** The driver's own part of a record, and the common keys that it uses. Empty texts stand for "not given". */
export interface Ec2Config {
  readonly address: string;
  readonly sshUser: string;
  readonly sshPort: number;
  /** Credentials as docker-machine keeps them; tsmachine only where it is told to. */
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken: string;
  readonly region: string;
  readonly endpoint: string;
  readonly isPlainHttp: boolean;
  readonly retryCount: number;
  readonly image: string;
  readonly instanceType: string;
  readonly instanceId: string;
  readonly keyName: string;
  readonly isExistingKey: boolean;
  /** The user's own private key. */
  readonly ownKeyPath: string;
  readonly vpcId: string;
  readonly subnetId: string;
  readonly zone: string;
  readonly groupNames: readonly string[];
  readonly groupIds: readonly string[];
  readonly isGroupReadOnly: boolean;
  readonly openPorts: readonly string[];
  readonly tags: string;
  readonly deviceName: string;
  readonly rootSizeGiB: number;
  readonly volumeType: string;
  readonly isEncrypted: boolean;
  readonly kmsKey: string;
  readonly instanceProfile: string;
  readonly isSpot: boolean;
  readonly spotPrice: string;
  readonly blockDurationMinutes: number;
  readonly isPrivateOnly: boolean;
  readonly usesPrivateAddress: boolean;
  readonly isEbsOptimized: boolean;
  readonly isMonitored: boolean;
  readonly userDataFile: string;
  readonly httpEndpoint: string;
  readonly httpTokens: string;
  readonly httpProtocolIpv6: string;
  readonly ipv6AddressCount: number;
  readonly isIpv6Only: boolean;
  readonly isIpv6Primary: boolean;
}

const word = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const userName = /^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,255}$/;
const endpointForm =
  /^(?:https?:\/\/)?[A-Za-z0-9.-]+(?::\d{1,5})?\/?$|^(?:https?:\/\/)?\[[0-9A-Fa-f:]+\](?::\d{1,5})?\/?$/;
const price = /^\d{1,4}(?:\.\d{1,6})?$/;
const groupForm = /^[^\p{Cc}]{1,255}$/u;
const id = (prefix: string): RegExp => new RegExp(`^${prefix}-[0-9a-z]{1,32}$`);
const ranges = {
  port: { min: 1, max: 65_535, default: 22 },
  retries: { min: -1, max: 100, default: 5 },
  rootSize: { min: 1, max: 65_536, default: 16, unit: ' GB' },
  minutes: { min: 0, max: 360, default: 0 },
  addresses: { min: 0, max: 64, default: 0 },
} as const;

/** Flag values to configuration. @throws MachineError `flag-invalid`. */
export function configure(values: FlagValues): Configured {
  const flag = (name: string): string => `amazonec2-${name}`;
  const text = (name: string, pattern: RegExp, fallback = ''): string => {
    const value = textFlag(values, flag(name), fallback);
    const isRight = value === '' || pattern.test(value);
    return isRight ? value : refuse(flag(name), value);
  };
  const bool = (name: string, fallback = false): boolean => {
    const value = values[flag(name)] ?? fallback;
    return typeof value === 'boolean' ? value : refuse(flag(name), value);
  };
  const list = (name: string, isRight: (value: string) => boolean, fallback: readonly string[]): string[] => {
    const value = values[flag(name)] ?? fallback;
    const isList = Array.isArray(value) && value.every((each) => typeof each === 'string' && isRight(each));
    return isList ? [...(value as readonly string[])] : refuse(flag(name), value);
  };
  const oneOf = (name: string, words: readonly string[], fallback: string): string => {
    const value = textFlag(values, flag(name), fallback) || fallback;
    return words.includes(value) ? value : refuse(flag(name), value, `It takes: ${words.join(', ')}.`);
  };
  const endpoint = text('endpoint', endpointForm);
  const isPlainHttp = bool('insecure-transport');
  const keyName = text('keypair-name', plainText);
  const keyPath = text('ssh-keypath', plainText);
  const groups = list('security-group', (value) => groupForm.test(value), ['docker-machine']);
  const blockMinutes = wholeFlag(values, flag('block-duration-minutes'), ranges.minutes);
  const ipv6Only = bool('ipv6-address-only');
  const ipv6Count = wholeFlag(values, flag('ipv6-address-count'), ranges.addresses);
  requireTogether({ endpoint, isPlainHttp, keyName, keyPath, blockMinutes, ipv6Only, ipv6Count });
  const config = {
    Id: '',
    AccessKey: text('access-key', plainText),
    SecretKey: text('secret-key', plainText),
    SessionToken: text('session-token', plainText),
    Region: text('region', word, 'us-east-1') || 'us-east-1',
    AMI: text('ami', id('ami')),
    SSHKeyID: 0,
    ExistingKey: keyName !== '',
    KeyName: keyName,
    InstanceId: '',
    InstanceType: text('instance-type', word, 't3.small') || 't3.small',
    PrivateIPAddress: '',
    SecurityGroupId: '',
    SecurityGroupIds: [],
    SecurityGroupName: '',
    SecurityGroupNames: groups,
    SecurityGroupReadOnly: bool('security-group-readonly'),
    OpenPorts: list('open-port', isOpenPort, []),
    Tags: text('tags', /^[^\p{Cc}]{0,20000}$/u),
    ReservationId: '',
    DeviceName: text('device-name', plainText),
    RootSize: wholeFlag(values, flag('root-size'), ranges.rootSize),
    VolumeType: text('volume-type', word, 'gp3') || 'gp3',
    IamInstanceProfile: text('iam-instance-profile', plainText),
    VpcId: text('vpc-id', id('vpc')),
    SubnetId: text('subnet-id', id('subnet')),
    Zone: text('zone', word, 'a'),
    RequestSpotInstance: bool('request-spot-instance'),
    SpotPrice: text('spot-price', price, '0.50'),
    BlockDurationMinutes: blockMinutes,
    PrivateIPOnly: bool('private-address-only'),
    UsePrivateIP: bool('use-private-address'),
    UseEbsOptimizedInstance: bool('use-ebs-optimized-instance'),
    Monitoring: bool('monitoring'),
    SSHPrivateKeyPath: keyPath,
    RetryCount: wholeFlag(values, flag('retries'), ranges.retries),
    Endpoint: endpoint,
    DisableSSL: isPlainHttp,
    UserDataFile: text('userdata', plainText),
    EncryptEbsVolume: bool('encrypt-ebs-volume', true),
    KmsKey: text('kms-key', plainText),
    HttpEndpoint: oneOf('http-endpoint', ['', 'enabled', 'disabled'], ''),
    HttpTokens: oneOf('http-tokens', ['required', 'optional'], 'required'),
    HttpProtocolIpv6: oneOf('http-protocol-ipv6', ['enabled', 'disabled'], 'disabled'),
    EnablePrimaryIpv6: bool('enable-primary-ipv6'),
    Ipv6AddressCount: ipv6Count,
    Ipv6AddressOnly: ipv6Only,
  };
  return {
    config,
    state: {
      openTo: list('open-to', isRange, []),
      profile: text('profile', plainText),
      spotFallback: oneOf('spot-fallback', ['none', 'on-demand'], 'none'),
    },
    common: {
      sshUser: text('ssh-user', userName, 'ubuntu') || 'ubuntu',
      sshPort: wholeFlag(values, flag('ssh-port'), ranges.port),
    },
  };
}

function requireTogether(given: {
  readonly endpoint: string;
  readonly isPlainHttp: boolean;
  readonly keyName: string;
  readonly keyPath: string;
  readonly blockMinutes: number;
  readonly ipv6Only: boolean;
  readonly ipv6Count: number;
}): void {
  // The first two in docker-machine's words.
  const problems: readonly (readonly [boolean, string])[] = [
    [
      given.isPlainHttp && given.endpoint === '',
      'using --amazonec2-insecure-transport also requires --amazonec2-endpoint',
    ],
    [
      given.keyName !== '' && given.keyPath === '',
      'using --amazonec2-keypair-name also requires --amazonec2-ssh-keypath',
    ],
    [
      !given.isPlainHttp && given.endpoint.startsWith('http:'),
      'an endpoint of plain HTTP also requires --amazonec2-insecure-transport',
    ],
    [given.blockMinutes % 60 !== 0, '--amazonec2-block-duration-minutes takes 60 to 360 in steps of 60'],
    [
      given.ipv6Only && given.ipv6Count < 1,
      'using --amazonec2-ipv6-address-only also requires --amazonec2-ipv6-address-count of 1 or more',
    ],
  ];
  const problem = problems.find(([isThere]) => isThere)?.[1];
  if (problem !== undefined) {
    throw new MachineError('flag-invalid', problem);
  }
}

function refuse(flag: string, value: unknown, why?: string): never {
  throw new MachineError('flag-invalid', `invalid value ${JSON.stringify(value)} for flag -${flag}`, {
    ...(why === undefined ? {} : { why }),
  });
}

/** Checks a stored record field by field. @throws MachineError `record-invalid`. */
export function readConfig(raw: Readonly<Record<string, unknown>>): Ec2Config {
  const { text, whole, flag, list } = recordFields(raw);
  const groupIds = list('SecurityGroupIds', id('sg'));
  const groupNames = list('SecurityGroupNames', groupForm);
  const [oldId, oldName] = [text('SecurityGroupId', id('sg')), text('SecurityGroupName', groupForm)];
  return {
    address: addressField(text('IPAddress')),
    sshUser: text('SSHUser', userName) || 'ubuntu',
    sshPort: whole('SSHPort', ranges.port) || 22,
    accessKey: text('AccessKey'),
    secretKey: text('SecretKey'),
    sessionToken: text('SessionToken'),
    region: text('Region', word) || 'us-east-1',
    endpoint: text('Endpoint', endpointForm),
    isPlainHttp: flag('DisableSSL'),
    retryCount: whole('RetryCount', ranges.retries),
    image: text('AMI', id('ami')),
    instanceType: text('InstanceType', word) || 't3.small',
    instanceId: text('InstanceId', id('i')),
    keyName: text('KeyName'),
    isExistingKey: flag('ExistingKey'),
    ownKeyPath: text('SSHPrivateKeyPath'),
    vpcId: text('VpcId', id('vpc')),
    subnetId: text('SubnetId', id('subnet')),
    zone: text('Zone', word),
    // Records from before 2016 have one group, under other keys.
    groupNames: groupNames.length > 0 || oldName === '' ? groupNames : [oldName],
    groupIds: groupIds.length > 0 || oldId === '' ? groupIds : [oldId],
    isGroupReadOnly: flag('SecurityGroupReadOnly'),
    openPorts: list('OpenPorts', openPortForm),
    tags: text('Tags', /^[^\p{Cc}]{0,20000}$/u),
    deviceName: text('DeviceName'),
    rootSizeGiB: whole('RootSize', ranges.rootSize) || ranges.rootSize.default,
    volumeType: text('VolumeType', word) || 'gp3',
    isEncrypted: flag('EncryptEbsVolume'),
    kmsKey: text('KmsKey'),
    instanceProfile: text('IamInstanceProfile'),
    isSpot: flag('RequestSpotInstance'),
    spotPrice: text('SpotPrice', price),
    blockDurationMinutes: whole('BlockDurationMinutes', ranges.minutes),
    isPrivateOnly: flag('PrivateIPOnly'),
    usesPrivateAddress: flag('UsePrivateIP'),
    isEbsOptimized: flag('UseEbsOptimizedInstance'),
    isMonitored: flag('Monitoring'),
    userDataFile: text('UserDataFile'),
    httpEndpoint: text('HttpEndpoint', word),
    httpTokens: text('HttpTokens', word),
    httpProtocolIpv6: text('HttpProtocolIpv6', word),
    ipv6AddressCount: whole('Ipv6AddressCount', ranges.addresses),
    isIpv6Only: flag('Ipv6AddressOnly'),
    isIpv6Primary: flag('EnablePrimaryIpv6'),
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

/** What the driver knows beside the record: tsmachine.json. */
export interface Ec2State {
  /** Address ranges from which the ports are open; empty for the address of whoever made the machine. */
  readonly openTo: readonly string[];
  readonly profile: string;
  readonly spotFallback: string;
  /** Of the account in which the machine was made; empty when that is not known. */
  readonly accountId: string;
  /** The token of the call that makes the instance, kept before it is sent. */
  readonly clientToken: string;
  readonly spotRequestId: string;
  /** The key pair was made for this machine. */
  readonly hasOwnKeyPair: boolean;
}

/** Checks it field by field. @throws MachineError `record-invalid`. */
export function readState(raw: Readonly<Record<string, unknown>>): Ec2State {
  const { text, flag, list } = recordFields(raw);
  return {
    openTo: list('openTo').filter(isRange),
    profile: text('profile'),
    spotFallback: text('spotFallback', word),
    accountId: text('accountId', /^\d{12}$/),
    clientToken: text('clientToken', word),
    spotRequestId: text('spotRequestId', id('sir')),
    hasOwnKeyPair: flag('hasOwnKeyPair'),
  };
}
