import { isIP } from 'node:net';
import { MachineError } from '../core/errors.ts';
import type { FlagDefinition, FlagValues, ShareWay } from '../drivers/driver.ts';
import { followKinds } from '../machine/follow/kinds.ts';
import { publishModes, type PublishMode } from '../machine/publish-mode.ts';
import type { CreateRequest } from '../machine/request.ts';
import { shareWays } from '../machine/shares.ts';
import { requireNewName } from '../store/paths.ts';
import type { createFlags } from './create-flags.ts';
import type { OptionsOfFlags } from './definitions.ts';
import { parseGoDuration } from './go-duration.ts';

/** Values of the flags that every driver has. */
export type CreateOptions = OptionsOfFlags<typeof createFlags>;

/** Flags of what is set up on a machine. */
type SetupOptions = Pick<
  CreateOptions,
  | 'engine-opt'
  | 'engine-insecure-registry'
  | 'engine-registry-mirror'
  | 'engine-label'
  | 'engine-storage-driver'
  | 'engine-env'
  | 'engine-install-url'
  | 'tls-san'
  | 'tls-key-type'
>;

/**
 * What the user asked for, from the values of all flags.
 * @throws MachineError `name-invalid`, `flag-invalid` for values that cannot be.
 */
export function createRequest(
  name: string,
  driver: { readonly name: string; readonly flags: readonly FlagDefinition[] },
  values: FlagValues,
): CreateRequest {
  requireNewName(name);
  const options = values as unknown as CreateOptions;
  const onError = onErrorOf(options);
  const publish = publishModeOf(options.publish);
  const ttlMs = ttlOf(options.ttl);
  const shareType = shareTypeOf(options['share-type']);
  const ignores = followKinds.filter((kind) => !options[`host-${kind}`]);
  return {
    name,
    driverName: driver.name,
    flagValues: Object.fromEntries(driver.flags.map((flag) => [flag.name, values[flag.name]])),
    ...setupOf(options),
    swarm: swarmOf(options),
    ...(options.image === undefined || options.image === '' ? {} : { image: options.image }),
    ...(options.share === undefined ? {} : { shares: options.share }),
    ...(shareType === 'auto' ? {} : { shareWay: shareType }),
    ...(options.cold === true ? { cold: true } : {}),
    ...(onError === undefined ? {} : { onError }),
    ...(publish === 'loopback' ? {} : { publish }),
    ...(ttlMs === undefined ? {} : { ttlMs }),
    ...(ignores.length === 0 ? {} : { ignores }),
    ...(options.dns === undefined ? {} : { dnsServers: options.dns.map(dnsServer) }),
    ...(options['extra-ca'] === undefined ? {} : { extraAuthorities: options['extra-ca'] }),
  };
}

/**
 * What is set up on a machine, however it came into the store.
 * @throws MachineError `flag-invalid`.
 */
export function setupOf(options: SetupOptions): Pick<CreateRequest, 'engine' | 'tlsSans' | 'tlsKeyType'> {
  return {
    engine: {
      options: options['engine-opt'] ?? [],
      insecureRegistries: options['engine-insecure-registry'] ?? [],
      registryMirrors: options['engine-registry-mirror'] ?? [],
      labels: options['engine-label'] ?? [],
      storageDriver: options['engine-storage-driver'] ?? '',
      env: options['engine-env'] ?? [],
      installUrl: options['engine-install-url'],
    },
    tlsSans: options['tls-san'] ?? [],
    tlsKeyType: oneOf('tls-key-type', options['tls-key-type'], ['ec', 'rsa']),
  };
}

function dnsServer(value: string): string {
  if (isIP(value) === 0) {
    throw new MachineError('flag-invalid', `--dns takes an address, not ${JSON.stringify(value)}.`);
  }
  return value;
}

/** Shorter than this a machine is not even made. */
const ttlMinMs = 60_000;
const ttlMaxMs = 10 * 365 * 24 * 3_600_000;

/** How long a machine is wanted, in milliseconds. @throws MachineError `flag-invalid`. */
export function ttlOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '') {
    return undefined;
  }
  const ms = parseGoDuration(text);
  if (ms === undefined || ms < ttlMinMs || ms > ttlMaxMs) {
    throw new MachineError('flag-invalid', `invalid value ${JSON.stringify(text)} for flag -ttl`, {
      why: 'It takes a duration of a minute or more: 90m, 4h, 72h.',
    });
  }
  return ms;
}

/** @throws MachineError `flag-invalid`. */
export function shareTypeOf(value: string): ShareWay | 'auto' {
  return oneOf('share-type', value, ['auto', ...shareWays]);
}

/** @throws MachineError `flag-invalid`. */
export function publishModeOf(value: string): PublishMode {
  return oneOf('publish', value, publishModes);
}

/** @throws MachineError `flag-invalid`. */
export function onErrorOf(options: Pick<CreateOptions, 'on-error'>): 'keep' | 'rollback' | undefined {
  const value = options['on-error'];
  return value === undefined ? undefined : oneOf('on-error', value, ['keep', 'rollback']);
}

function swarmOf(options: CreateOptions): NonNullable<CreateRequest['swarm']> {
  const discovery = options['swarm-discovery'] ?? '';
  if (discovery !== '' && !/^[^:]*:\/\/.*/.test(discovery)) {
    throw new MachineError(
      'flag-invalid',
      `Error parsing swarm discovery: Swarm Discovery URL was in the wrong format: ${discovery}`,
    );
  }
  return {
    swarm: options.swarm === true,
    master: options['swarm-master'] === true,
    image: options['swarm-image'],
    discovery,
    strategy: options['swarm-strategy'],
    options: options['swarm-opt'] ?? [],
    joinOptions: options['swarm-join-opt'] ?? [],
    host: options['swarm-host'],
    address: options['swarm-addr'] ?? '',
    experimental: options['swarm-experimental'] === true,
  };
}

function oneOf<const Word extends string>(flag: string, value: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === value);
  if (found === undefined) {
    throw new MachineError('flag-invalid', `invalid value ${JSON.stringify(value)} for flag -${flag}`, {
      why: `It takes: ${words.join(', ')}.`,
    });
  }
  return found;
}
