import type { FlagValues, ShareWay } from '../drivers/driver.ts';
import type { TlsKeyType } from '../tls/types.ts';
import type { FollowKind } from './follow/kinds.ts';
import type { PublishMode } from './publish-mode.ts';

/** Options of the engine, as the flags of create give them. */
export interface EngineRequest {
  readonly options: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly registryMirrors: readonly string[];
  readonly labels: readonly string[];
  readonly storageDriver: string;
  readonly env: readonly string[];
  readonly installUrl: string;
}

/** Flags of classic Swarm: recorded for docker-machine, without effect. */
export interface SwarmRequest {
  readonly swarm: boolean;
  readonly master: boolean;
  readonly image: string;
  readonly discovery: string;
  readonly strategy: string;
  readonly options: readonly string[];
  readonly joinOptions: readonly string[];
  readonly host: string;
  readonly address: string;
  readonly experimental: boolean;
}

/** What the user asked for. */
export interface CreateRequest {
  readonly name: string;
  readonly driverName: string;
  /** Values of the driver's flags. */
  readonly flagValues: FlagValues;
  /** Secrets that are kept for the machine beside its record, by flag of the driver; `flagValues` has none of them. */
  readonly secrets?: Readonly<Record<string, string>>;
  readonly engine: EngineRequest;
  readonly swarm?: SwarmRequest;
  /** Further names and addresses for the server's certificate. */
  readonly tlsSans: readonly string[];
  readonly tlsKeyType: TlsKeyType;
  /** Directory, manifest or URL of an image; undefined for the one on this computer. */
  readonly image?: string;
  /** Directories to share: PATH, PATH:ro, or `none`; undefined for the home directory where the driver can. */
  readonly shares?: readonly string[];
  /** How they are shared; undefined for the best way that the driver has. */
  readonly shareWay?: ShareWay;
  /** Boot the machine even where it could be resumed from a template. */
  readonly cold?: boolean;
  /** Where published ports of containers are found on this computer; `loopback` unless given. */
  readonly publish?: PublishMode;
  /** What the engine is not to take over from this computer. */
  readonly ignores?: readonly FollowKind[];
  /** Addresses of DNS servers that the machine asks instead of those of its network. */
  readonly dnsServers?: readonly string[];
  /** Absolute paths of files with CAs that the engine is to trust. */
  readonly extraAuthorities?: readonly string[];
  /** What happens to a half-made machine when a step fails; undefined: kept after an error, rolled back after an interrupt. */
  readonly onError?: 'keep' | 'rollback';
}

/** The flags that every driver has, under their names: drivers of docker-machine may look at them. */
export function sharedFlagsOf({ driverName, engine, swarm, tlsSans }: CreateRequest): FlagValues {
  const lists = {
    'engine-opt': engine.options,
    'engine-insecure-registry': engine.insecureRegistries,
    'engine-registry-mirror': engine.registryMirrors,
    'engine-label': engine.labels,
    'engine-env': engine.env,
    'swarm-opt': swarm?.options ?? [],
    'swarm-join-opt': swarm?.joinOptions ?? [],
    'tls-san': tlsSans,
  };
  return {
    driver: driverName,
    'engine-install-url': engine.installUrl,
    'engine-storage-driver': engine.storageDriver,
    swarm: swarm?.swarm ?? false,
    'swarm-master': swarm?.master ?? false,
    'swarm-image': swarm?.image ?? '',
    'swarm-discovery': swarm?.discovery ?? '',
    'swarm-strategy': swarm?.strategy ?? '',
    'swarm-host': swarm?.host ?? '',
    'swarm-addr': swarm?.address ?? '',
    'swarm-experimental': swarm?.experimental ?? false,
    ...Object.fromEntries(Object.entries(lists).filter(([, values]) => values.length > 0)),
  };
}
