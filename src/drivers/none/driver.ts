import { MachineError } from '../../core/errors.ts';
import { defineDriver, type Configured, type DriverStatus, type FlagValues } from '../driver.ts';
import { manifest } from './manifest.ts';

/** The driver's own part of a record. */
interface NoneConfig {
  readonly url: string;
}

// The texts of this driver are docker-machine's, because scripts match on them.
export default defineDriver<NoneConfig>(manifest, {
  configure,
  readConfig,
  check: async () => [],
  steps: () => [],
  start: async () => refuse('started'),
  stop: async () => refuse('stopped'),
  kill: async () => refuse('killed'),
  restart: async () => refuse('restarted'),
  remove: async () => undefined,
  inspect: async ({ config }) => describe(config.url),
});

function configure(values: FlagValues): Configured {
  const url = values['url'];
  if (typeof url !== 'string' || url === '') {
    throw new MachineError('flag-invalid', '--url option is required when no driver is selected');
  }
  return { config: { URL: url }, common: { ipAddress: authorityOf(url) } };
}

function readConfig(raw: Readonly<Record<string, unknown>>): NoneConfig {
  const url = raw['URL'];
  if (typeof url !== 'string') {
    throw new MachineError('record-invalid', 'The record of this machine has no usable URL.', {
      why: `Driver.URL is ${url === undefined ? 'missing' : 'not a text'}.`,
    });
  }
  return { url };
}

function describe(url: string): DriverStatus {
  const address = hostOf(authorityOf(url));
  // docker-machine shows these machines as Running although nobody asks them; `ls` depends on it.
  return { power: 'running', engineUrl: url, ...(address === '' ? {} : { address }) };
}

/** `host:port` of a URL, as docker-machine keeps it in IPAddress; empty for a text that is no URL. */
function authorityOf(url: string): string {
  const authority = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/.exec(url)?.[1] ?? '';
  return authority.slice(authority.lastIndexOf('@') + 1);
}

function hostOf(authority: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(authority)?.[1];
  return bracketed ?? authority.replace(/:\d*$/, '');
}

function refuse(verb: string): never {
  throw new MachineError('capability-missing', `hosts without a driver cannot be ${verb}`);
}
