/** The options of the engine that concern its configuration, as the machine's record has them. */
export interface EngineOptionValues {
  readonly ArbitraryFlags: readonly string[] | null;
  readonly Env: readonly string[] | null;
  readonly InsecureRegistry: readonly string[] | null;
  readonly Labels: readonly string[] | null;
  readonly RegistryMirror: readonly string[] | null;
  readonly StorageDriver: string;
}

/** What a host is to become. */
export interface HostSetup {
  readonly machineName: string;
  readonly driverName: string;
  /** As clients reach it: a name or an address. */
  readonly address: string;
  readonly enginePort: number;
  readonly options: EngineOptionValues | null;
  readonly certificates: {
    readonly ca: string;
    readonly server: string;
    readonly serverKey: string;
  };
  /** CAs in PEM that the engine trusts besides those of its host; empty for none. */
  readonly extraAuthorities: string;
}

/** A file of the host that is to be written. */
export interface FileChange {
  readonly path: string;
  /** In bits. */
  readonly mode: number;
  readonly content: string;
}

/** A CA that the engine trusted until now, and that ours takes the place of. */
export interface ReplacedAuthority {
  /** Names in its certificate; empty when it cannot be read. */
  readonly owner: string;
  /** Day from which on it is valid, ISO 8601. */
  readonly since: string | undefined;
  /** What is kept, and what is put behind the names of the copies. */
  readonly files: readonly string[];
  readonly suffix: string;
}

/** Everything that has to be done to a host to make it what it should be; nothing at all when it is. */
export interface SetupPlan {
  readonly files: readonly FileChange[];
  /** Paths of files of ours that are needed no more. */
  readonly removed: readonly string[];
  /** Certificates for a program of our image, as it reads them. */
  readonly handOver?: string;
  /** Kept beside what takes its place. */
  readonly replaced?: ReplacedAuthority;
  /** The new name of the host, where it has another. */
  readonly hostName?: string;
  /** `reload`: the engine reads its configuration again. `start`: it does not run. */
  readonly engine: 'nothing' | 'reload' | 'restart' | 'start';
  readonly enable: boolean;
  /**
   * How containers that run get over a restart of the engine: it keeps them already; it is told to for so long; or there
   * are none, or no way.
   */
  readonly containers: 'none' | 'kept-already' | 'keep' | 'restarted';
}

/** True when nothing has to be done. */
export function isNothing(plan: SetupPlan): boolean {
  const { files, removed, handOver, hostName, engine, enable } = plan;
  return (
    files.length + removed.length === 0 &&
    handOver === undefined &&
    hostName === undefined &&
    engine === 'nothing' &&
    !enable
  );
}
