import { isIP } from 'node:net';
import { isOpenPort } from '../../cloud/open-ports.ts';
import { isRange } from '../../cloud/public-address.ts';
import { MachineError } from '../../core/errors.ts';
import { booleanFlag, invalidKey, textFlag, wholeFlag } from '../config-values.ts';
import type { Configured, FlagValues } from '../driver.ts';
import { plainText, recordFields } from '../record-fields.ts';
import { isLabel, parseLabels, type Labels } from './labels.ts';

/** The driver's own part of a record, and the common keys that it uses. Empty texts and 0 stand for "not given". */
export interface HetznerConfig {
  readonly address: string;
  readonly sshUser: string;
  readonly sshPort: number;
  /** As docker-machine keeps it; tsmachine only where it is told to. */
  readonly accessToken: string;
  /** The same for user data of the command line. */
  readonly userData: string;
  readonly image: string;
  readonly imageId: number;
  readonly imageArch: string;
  readonly type: string;
  readonly location: string;
  readonly keyId: number;
  readonly isExistingKey: boolean;
  readonly serverId: number;
  readonly volumes: readonly string[];
  readonly networks: readonly string[];
  readonly usesPrivateNetwork: boolean;
  readonly isIpv4Disabled: boolean;
  readonly isIpv6Disabled: boolean;
  readonly primaryIpv4: string;
  readonly primaryIpv6: string;
  readonly firewalls: readonly string[];
  readonly serverLabels: Labels;
  readonly additionalKeys: readonly string[];
  readonly additionalKeyIds: readonly number[];
  readonly errorPauseS: number;
  readonly pollIntervalS: number;
  /** 0 for our own bound. */
  readonly runningTimeoutS: number;
}

/** Names and ids of things at Hetzner. */
const nameForm = /^[^\p{Cc}]{1,128}$/u;
const word = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const userName = /^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,255}$/;
const endpointForm = /^https?:\/\/(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?(?:\/[A-Za-z0-9._/-]*)?$/;
const anyText = /^[\s\S]*$/;
const publicKey = /^(?:ssh-|ecdsa-|sk-)[^\p{Cc}]{1,8000}$/u;
const ranges = {
  port: { min: 1, max: 65_535, default: 22 },
  seconds: { min: 0, max: 86_400, default: 0 },
  polling: { min: 1, max: 60, default: 1, unit: ' s' },
  id: { min: 0, max: Number.MAX_SAFE_INTEGER },
} as const;

/** Flag values to configuration. @throws MachineError `flag-invalid`. */
export function configure(values: FlagValues): Configured {
  const flag = (name: string): string => `hetzner-${name}`;
  const text = (name: string, pattern: RegExp, fallback = ''): string => {
    const value = textFlag(values, flag(name), fallback);
    return value === '' || pattern.test(value) ? value : refuse(flag(name), value);
  };
  const bool = (name: string): boolean => booleanFlag(values, flag(name));
  const list = (name: string, isRight: (value: string) => boolean, why?: string): string[] => {
    const value = values[flag(name)] ?? [];
    const isList = Array.isArray(value) && value.every((each) => typeof each === 'string' && isRight(each));
    return isList ? [...(value as readonly string[])] : refuse(flag(name), value, why);
  };
  const ids = (name: string): number => idOf(flag(name), textFlag(values, flag(name)));
  const isName = (value: string): boolean => nameForm.test(value);
  const labels = (name: string): Labels => parseLabels(list(name, isLabel, 'It takes: KEY=VALUE.'));
  const given = {
    image: text('image', word),
    imageId: ids('image-id'),
    imageArch: oneOf(flag('image-arch'), text('image-arch', word)),
    keyId: ids('existing-key-id'),
    keyPath: text('existing-key-path', plainText),
    networks: list('networks', isName),
    isPrivate: bool('disable-public'),
    usesPrivateNetwork: bool('use-private-network'),
    noIpv4: bool('disable-public-ipv4') || bool('disable-public-4') || bool('disable-public'),
    noIpv6: bool('disable-public-ipv6') || bool('disable-public-6') || bool('disable-public'),
    primaryIpv4: text('primary-ipv4', nameForm),
    primaryIpv6: text('primary-ipv6', nameForm),
    userData: text('user-data', anyText),
    userDataFile: text('user-data-file', plainText),
    placementGroup: text('placement-group', nameForm),
    isAutoSpread: bool('auto-spread'),
  };
  requireTogether(given);
  const config = {
    AccessToken: text('api-token', plainText),
    Image: given.image,
    ImageID: given.imageId,
    ImageArch: given.imageArch,
    Type: text('server-type', word),
    Location: text('server-location', word),
    KeyID: given.keyId,
    IsExistingKey: given.keyId !== 0,
    ServerID: 0,
    Volumes: list('volumes', isName),
    Networks: given.networks,
    UsePrivateNetwork: given.usesPrivateNetwork || given.isPrivate,
    DisablePublic4: given.noIpv4,
    DisablePublic6: given.noIpv6,
    PrimaryIPv4: given.primaryIpv4,
    PrimaryIPv6: given.primaryIpv6,
    Firewalls: list('firewalls', isName),
    ServerLabels: labels('server-label'),
    AdditionalKeys: list('additional-key', (value) => publicKey.test(value)),
    AdditionalKeyIDs: [],
    WaitOnError: wholeFlag(values, flag('wait-on-error'), ranges.seconds),
    WaitOnPolling: wholeFlag(values, flag('wait-on-polling'), ranges.polling),
    WaitForRunningTimeout: wholeFlag(values, flag('wait-for-running-timeout'), ranges.seconds),
    // docker-machine's driver has no key for it.
    ...(given.userData === '' ? {} : { UserData: given.userData }),
  };
  return {
    config,
    state: {
      endpoint: text('endpoint', endpointForm),
      context: text('context', nameForm),
      openTo: list('open-to', isRange),
      openPorts: list('open-port', isOpenPort),
      keyLabels: labels('key-label'),
      ownKeyPath: given.keyPath,
      userDataFile: given.userDataFile,
      isUserDataPath: bool('user-data-from-file'),
      placementGroup: given.placementGroup,
      isAutoSpread: given.isAutoSpread,
    },
    common: {
      sshUser: text('ssh-user', userName, 'root') || 'root',
      sshPort: wholeFlag(values, flag('ssh-port'), ranges.port),
    },
  };
}

function requireTogether(given: {
  readonly image: string;
  readonly imageId: number;
  readonly imageArch: string;
  readonly keyId: number;
  readonly keyPath: string;
  readonly networks: readonly string[];
  readonly isPrivate: boolean;
  readonly usesPrivateNetwork: boolean;
  readonly noIpv4: boolean;
  readonly noIpv6: boolean;
  readonly primaryIpv4: string;
  readonly primaryIpv6: string;
  readonly userData: string;
  readonly userDataFile: string;
  readonly placementGroup: string;
  readonly isAutoSpread: boolean;
}): void {
  const isPrivate = given.isPrivate || given.usesPrivateNetwork;
  const problems: readonly (readonly [boolean, string])[] = [
    [
      given.image !== '' && given.imageId !== 0,
      '--hetzner-image and --hetzner-image-id are mutually exclusive',
    ],
    [
      given.imageArch !== '' && given.imageId !== 0,
      '--hetzner-image-arch and --hetzner-image-id are mutually exclusive',
    ],
    [
      given.keyId !== 0 && given.keyPath === '',
      'using --hetzner-existing-key-id also requires --hetzner-existing-key-path',
    ],
    [
      isPrivate && given.networks.length === 0,
      'a server that is reached in its private network also requires --hetzner-networks',
    ],
    [
      given.noIpv4 && given.noIpv6 && !isPrivate,
      'a server without a public address also requires --hetzner-use-private-network',
    ],
    [
      given.noIpv4 && given.primaryIpv4 !== '',
      '--hetzner-primary-ipv4 and --hetzner-disable-public-ipv4 are mutually exclusive',
    ],
    [
      given.noIpv6 && given.primaryIpv6 !== '',
      '--hetzner-primary-ipv6 and --hetzner-disable-public-ipv6 are mutually exclusive',
    ],
    [
      given.userData !== '' && given.userDataFile !== '',
      '--hetzner-user-data and --hetzner-user-data-file are mutually exclusive',
    ],
    [
      given.placementGroup !== '' && given.isAutoSpread,
      '--hetzner-placement-group and --hetzner-auto-spread are mutually exclusive',
    ],
  ];
  const problem = problems.find(([isThere]) => isThere)?.[1];
  if (problem !== undefined) {
    throw new MachineError('flag-invalid', problem);
  }
}

function idOf(flag: string, text: string): number {
  return text === '' || /^\d{1,15}$/.test(text) ? Number(text) : refuse(flag, text, 'It takes an id.');
}

function oneOf(flag: string, value: string): string {
  return ['', 'x86', 'arm'].includes(value) ? value : refuse(flag, value, 'It takes: x86, arm.');
}

function refuse(flag: string, value: unknown, why?: string): never {
  throw new MachineError('flag-invalid', `invalid value ${JSON.stringify(value)} for flag -${flag}`, {
    ...(why === undefined ? {} : { why }),
  });
}

/** Checks a stored record field by field. @throws MachineError `record-invalid`. */
export function readConfig(raw: Readonly<Record<string, unknown>>): HetznerConfig {
  const { text, whole, flag, list, wholes, texts } = recordFields(raw);
  const address = text('IPAddress');
  if (address !== '' && isIP(address) === 0) {
    throw invalidKey('IPAddress', 'it is no address');
  }
  return {
    address,
    sshUser: text('SSHUser', userName) || 'root',
    sshPort: whole('SSHPort', ranges.port) || 22,
    accessToken: text('AccessToken'),
    userData: text('UserData', anyText),
    image: text('Image', nameForm),
    imageId: whole('ImageID', ranges.id),
    imageArch: text('ImageArch', word),
    type: text('Type', word),
    location: text('Location', word),
    keyId: whole('KeyID', ranges.id),
    isExistingKey: flag('IsExistingKey'),
    serverId: whole('ServerID', ranges.id),
    volumes: list('Volumes', nameForm),
    networks: list('Networks', nameForm),
    usesPrivateNetwork: flag('UsePrivateNetwork'),
    isIpv4Disabled: flag('DisablePublic4'),
    isIpv6Disabled: flag('DisablePublic6'),
    primaryIpv4: text('PrimaryIPv4', nameForm),
    primaryIpv6: text('PrimaryIPv6', nameForm),
    firewalls: list('Firewalls', nameForm),
    serverLabels: texts('ServerLabels'),
    additionalKeys: list('AdditionalKeys'),
    additionalKeyIds: wholes('AdditionalKeyIDs'),
    errorPauseS: whole('WaitOnError', ranges.seconds),
    pollIntervalS: whole('WaitOnPolling', ranges.polling) || 1,
    runningTimeoutS: whole('WaitForRunningTimeout', ranges.seconds),
  };
}

/** True for a server that has no public address at all. */
export function isWithoutPublicAddress({ isIpv4Disabled, isIpv6Disabled }: HetznerConfig): boolean {
  return isIpv4Disabled && isIpv6Disabled;
}
