import { isIP } from 'node:net';
import { MachineError } from '../../core/errors.ts';
import type { Configured, FlagValues } from '../driver.ts';

/** The driver's own part of a record, and the common keys that it uses. */
export interface GenericConfig {
  readonly address: string;
  readonly sshUser: string;
  readonly sshPort: number;
  /** Absolute path of the copy of the key; empty for none. */
  readonly sshKeyPath: string;
  /** Where the key was when the machine was made; empty for none. */
  readonly sshKey: string;
  readonly enginePort: number;
}

const hostName = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}\.?)*[A-Za-z0-9_-]$|^[A-Za-z0-9]$/;
const userName = /^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,255}$/;
const noControl = /^[^\p{Cc}]{0,4096}$/u;

/** Flag values to configuration. @throws MachineError `flag-invalid`. */
export function configure(values: FlagValues): Configured {
  const address = values['generic-ip-address'] ?? '';
  if (address === '') {
    throw new MachineError('flag-invalid', 'generic driver requires the --generic-ip-address option');
  }
  const key = values['generic-ssh-key'] ?? '';
  const sshUser = values['generic-ssh-user'] ?? 'root';
  const sshPort = values['generic-ssh-port'] ?? 22;
  const enginePort = values['generic-engine-port'] ?? 2376;
  return {
    config: {
      EnginePort: port('generic-engine-port', enginePort),
      SSHKey: text('generic-ssh-key', key, noControl),
    },
    common: {
      ipAddress: withoutBrackets(text('generic-ip-address', address, undefined)),
      sshUser: text('generic-ssh-user', sshUser === '' ? 'root' : sshUser, userName),
      sshPort: port('generic-ssh-port', sshPort),
    },
  };
}

function withoutBrackets(address: string): string {
  const bare = /^\[(.*)\]$/.exec(address)?.[1] ?? address;
  if (!isAddress(bare)) {
    throw invalid('generic-ip-address', address);
  }
  return bare;
}

function isAddress(value: string): boolean {
  return isIP(value) !== 0 || (value.length <= 253 && hostName.test(value) && !value.startsWith('-'));
}

function text(flag: string, value: unknown, pattern: RegExp | undefined): string {
  if (typeof value !== 'string' || (pattern !== undefined && !pattern.test(value))) {
    throw invalid(flag, value);
  }
  return value;
}

function port(flag: string, value: unknown): number {
  if (!isPort(value)) {
    throw invalid(flag, value);
  }
  return value;
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536;
}

function invalid(flag: string, value: unknown): MachineError {
  return new MachineError('flag-invalid', `invalid value ${JSON.stringify(value)} for flag -${flag}`);
}

/** Checks a stored record field by field. @throws MachineError `record-invalid`. */
export function readConfig(raw: Readonly<Record<string, unknown>>): GenericConfig {
  const field = (name: string, isRight: (value: string) => boolean, fallback = ''): string => {
    const value = raw[name] ?? fallback;
    if (typeof value !== 'string' || !isRight(value)) {
      throw wrongField(name);
    }
    return value;
  };
  const portField = (name: string, fallback: number): number => {
    // docker-machine writes 0 for what was never set.
    const value = raw[name] === 0 ? fallback : (raw[name] ?? fallback);
    if (!isPort(value)) {
      throw wrongField(name);
    }
    return value;
  };
  return {
    address: field('IPAddress', (value) => value === '' || isAddress(value)),
    sshUser: field('SSHUser', (value) => value === '' || userName.test(value)) || 'root',
    sshPort: portField('SSHPort', 22),
    sshKeyPath: field('SSHKeyPath', (value) => noControl.test(value)),
    sshKey: field('SSHKey', (value) => noControl.test(value)),
    enginePort: portField('EnginePort', 2376),
  };
}

function wrongField(name: string): MachineError {
  return new MachineError('record-invalid', `The record of this machine has no usable ${name}.`, {
    why: `Driver.${name} is not what it should be.`,
  });
}
