import { isIP } from 'node:net';
import { isOpenPort } from '../../cloud/open-ports.ts';
import { isRange } from '../../cloud/public-address.ts';
import { MachineError } from '../../core/errors.ts';
import { booleanFlag, textFlag, wholeFlag } from '../config-values.ts';
import type { Configured, FlagValues } from '../driver.ts';
import { plainText, recordFields } from '../record-fields.ts';
import { isApiUrl } from './endpoint.ts';
import { isTag, splitTags } from './tags.ts';

/** The driver's own part of a record, and the common keys that it uses. Empty texts and 0 stand for "not given". */
export interface DropletConfig {
  /** By which the machine is reached. */
  readonly address: string;
  readonly privateAddress: string;
  readonly sshUser: string;
  readonly sshPort: number;
  /** As docker-machine keeps it; tsmachine only where it is told to. */
  readonly accessToken: string;
  readonly dropletId: number;
  readonly image: string;
  readonly region: string;
  readonly size: string;
  readonly keyId: number;
  /** Of a key that was in the account before; then the key is the user's. */
  readonly keyFingerprint: string;
  readonly ownKeyPath: string;
  readonly isIpv6: boolean;
  readonly hasBackups: boolean;
  readonly isMonitored: boolean;
  readonly userDataFile: string;
  readonly tags: string;
}

const word = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const userName = /^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,255}$/;
const fingerprint = /^[0-9A-Fa-f:]{1,95}$/;
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const tagList = /^[^\p{Cc}]{0,20000}$/u;
const port = { min: 1, max: 65_535, default: 22 } as const;
const number = { min: 1, max: Number.MAX_SAFE_INTEGER } as const;
const defaults = { region: 'nyc3', size: 's-1vcpu-1gb', user: 'root' } as const;

/** Flag values to configuration. @throws MachineError `flag-invalid`. */
export function configure(values: FlagValues): Configured {
  const flag = (name: string): string => `digitalocean-${name}`;
  const text = (name: string, pattern: RegExp, fallback = ''): string => {
    const value = textFlag(values, flag(name), fallback) || fallback;
    return value === '' || pattern.test(value) ? value : refuse(flag(name), value);
  };
  const bool = (name: string): boolean => booleanFlag(values, flag(name));
  const list = (name: string, isRight: (value: string) => boolean): readonly string[] => {
    const value = values[flag(name)] ?? [];
    const isList = Array.isArray(value) && value.every((each) => typeof each === 'string' && isRight(each));
    return isList ? [...(value as readonly string[])] : refuse(flag(name), value);
  };
  const keyFingerprint = text('ssh-key-fingerprint', fingerprint);
  const keyPath = text('ssh-key-path', plainText);
  if (keyPath !== '' && keyFingerprint === '') {
    // docker-machine's words.
    const message = `ssh-key-fingerprint needs to be provided for ${JSON.stringify(keyPath)}`;
    throw new MachineError('flag-invalid', message);
  }
  const tags = text('tags', tagList);
  const wrong = splitTags(tags).find((tag) => !isTag(tag));
  if (wrong !== undefined) {
    refuse(flag('tags'), wrong, 'A tag has letters, digits, "_", "-" and ":", and at most 255 of them.');
  }
  const endpoint = text('endpoint', plainText);
  if (endpoint !== '' && !isApiUrl(endpoint)) {
    refuse(flag('endpoint'), endpoint, 'It takes a URL: https, or http of this computer.');
  }
  const config = {
    AccessToken: text('access-token', plainText),
    DropletID: 0,
    DropletName: '',
    Image: text('image', word),
    Region: text('region', word, defaults.region),
    SSHKeyID: 0,
    SSHKeyFingerprint: keyFingerprint,
    SSHKey: keyPath,
    Size: text('size', word, defaults.size),
    IPv6: bool('ipv6'),
    Backups: bool('backups'),
    PrivateNetworking: bool('private-networking'),
    UserDataFile: text('userdata', plainText),
    Monitoring: bool('monitoring'),
    Tags: tags,
    PrivateIPAddress: '',
  };
  return {
    config,
    state: {
      context: text('context', plainText),
      endpoint,
      openPorts: list('open-port', isOpenPort),
      openTo: list('open-to', isRange),
      usesPrivateAddress: bool('use-private-address'),
      vpc: text('vpc', uuid),
    },
    common: {
      sshUser: text('ssh-user', userName, defaults.user),
      sshPort: wholeFlag(values, flag('ssh-port'), port),
    },
  };
}

function refuse(flag: string, value: unknown, why?: string): never {
  throw new MachineError('flag-invalid', `invalid value ${JSON.stringify(value)} for flag -${flag}`, {
    ...(why === undefined ? {} : { why }),
  });
}

/** Checks a stored record field by field. @throws MachineError `record-invalid`. */
export function readConfig(raw: Readonly<Record<string, unknown>>): DropletConfig {
  const { text, whole, flag } = recordFields(raw);
  return {
    address: addressField(text('IPAddress'), 'IPAddress'),
    privateAddress: addressField(text('PrivateIPAddress'), 'PrivateIPAddress'),
    sshUser: text('SSHUser', userName) || defaults.user,
    sshPort: whole('SSHPort', port) || port.default,
    accessToken: text('AccessToken'),
    dropletId: whole('DropletID', number),
    image: text('Image', word),
    region: text('Region', word) || defaults.region,
    size: text('Size', word) || defaults.size,
    keyId: whole('SSHKeyID', number),
    keyFingerprint: text('SSHKeyFingerprint', fingerprint),
    ownKeyPath: text('SSHKey'),
    isIpv6: flag('IPv6'),
    hasBackups: flag('Backups'),
    isMonitored: flag('Monitoring'),
    userDataFile: text('UserDataFile'),
    tags: text('Tags', tagList),
  };
}

function addressField(address: string, key: string): string {
  if (address !== '' && isIP(address) === 0) {
    throw new MachineError('record-invalid', `The record of this machine has no usable ${key}.`, {
      why: `Driver.${key} is no address.`,
    });
  }
  return address;
}

/** What the driver knows beside the record: tsmachine.json. What was begun is there before the request is sent. */
export interface DropletState {
  /** Of doctl's configuration; empty for its current one. */
  readonly context: string;
  readonly endpoint: string;
  readonly openPorts: readonly string[];
  /** Address ranges from which the ports are open; empty for the address of whoever made the machine. */
  readonly openTo: readonly string[];
  readonly usesPrivateAddress: boolean;
  readonly vpc: string;
  /** Of the team, or the user, in whose account the machine was made; empty when that is not known. */
  readonly accountId: string;
  readonly isKeyBegun: boolean;
  readonly isFirewallBegun: boolean;
  readonly firewallId: string;
  readonly isDropletBegun: boolean;
}

/** Checks it field by field. @throws MachineError `record-invalid`. */
export function readState(raw: Readonly<Record<string, unknown>>): DropletState {
  const { text, flag, list } = recordFields(raw);
  const endpoint = text('endpoint');
  return {
    context: text('context'),
    endpoint: isApiUrl(endpoint) ? endpoint : '',
    openPorts: list('openPorts').filter(isOpenPort),
    openTo: list('openTo').filter(isRange),
    usesPrivateAddress: flag('usesPrivateAddress'),
    vpc: text('vpc', uuid),
    accountId: text('accountId', word),
    isKeyBegun: flag('isKeyBegun'),
    isFirewallBegun: flag('isFirewallBegun'),
    firewallId: text('firewallId', uuid),
    isDropletBegun: flag('isDropletBegun'),
  };
}
