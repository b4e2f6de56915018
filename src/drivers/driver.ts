import type { Emit } from '../core/events.ts';
import type { Host } from '../host/types.ts';
import type { ImageMaker } from './images.ts';
import type { FoundMachine, MachineResource, OwnedResource } from './owned.ts';

/**
 * Version of this contract. A package that brings a driver says for which one it was written; it is raised when a driver
 * that was right before would be wrong after.
 */
export const driverApiVersion = 1;

/** A flag of a driver, as data: the parser, the help and the documentation are made from it. */
export interface FlagDefinition {
  /** As typed, without dashes: `qemu-memory`. */
  readonly name: string;
  /** Other long names, e.g. `memory`. The name itself wins when both are given. */
  readonly aliases?: readonly string[];
  /**
   * `size`: an integer in `unit`, or with a suffix k, m, g, t (powers of 1024; also kb, mb, …).
   * `int`: Go's ParseInt with base 0 (0x10, 0o20, 010 = 8, 1_000).
   */
  readonly type: 'string' | 'int' | 'size' | 'bool' | 'list';
  /** Name of the environment variable that stands in for the flag. */
  readonly env: string;
  readonly default?: string | number | boolean | readonly string[];
  readonly unit?: 'MiB' | 'GB-as-MB';
  /** Never printed, logged or stored in clear text. */
  readonly secret?: boolean;
  /** May be changed later, by its alias: see DriverImplementation.change. */
  readonly changeable?: true;
  /** Accepted, but not shown in the help. */
  readonly hidden?: boolean;
  readonly help: string;
}

/** Values of a driver's flags by flag name; absent when neither given nor defaulted. */
export type FlagValues = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/**
 * How a machine sees directories of this computer. The first three are devices of the virtual machine, which its driver
 * makes of `BootMaterial.shares`; the guest mounts them by their tags. `sftp`: by the background agent over SSH, without
 * the driver.
 */
export type ShareWay = '9p' | 'virtiofs' | 'vboxsf' | 'sftp';

/** What a driver can do. Generic code asks these, never which driver it has. */
export interface Capabilities {
  /**
   * `image`: boots our image and takes identity files. `host`: there is a Linux host, made by the driver or there
   * already, that is reached by SSH and on which the engine is set up. `nothing`: there is only an engine.
   */
  readonly boots: 'image' | 'host' | 'nothing';
  /** Boots the image from its ISO (`BootImage.isoPath`), not from kernel and root file system. */
  readonly iso?: true;
  /** Can be started, stopped and killed. */
  readonly power: boolean;
  /** Can be reached by SSH. */
  readonly ssh: boolean;
  /** False where nobody but the machine's owner knows whether there is an engine: it is not asked for a sign of life. */
  readonly engine?: false;
  /**
   * Its machines are made at a provider, by an API: it is given what it needs for that (`DriverContext.provider`), and
   * secrets of the command line are kept out of its configuration.
   */
  readonly provider?: true;
  /** Engine and SSH are reached on 127.0.0.1. */
  readonly localEndpoints: boolean;
  /** Address at which a machine reaches what listens on loopback of this computer; undefined where it does not. */
  readonly hostAddress?: string;
  /** A new machine may go on from a saved guest (`BootMaterial.resume`). */
  readonly resume: boolean;
  /** Directories of this computer are visible in the machine in one of these ways; the best first. */
  readonly shares?: readonly ShareWay[];
  /**
   * Ports of the guest can be forwarded to this computer while the machine runs (`listForwards`, `changeForwards`), so
   * that ports which containers publish are found here.
   */
  readonly forwards?: boolean;
}

/** Everything about a driver that is known without loading it. */
export interface DriverManifest {
  readonly name: string;
  readonly title: string;
  /** Platforms on which machines of this driver can live; empty for all. */
  readonly platforms: readonly NodeJS.Platform[];
  readonly flags: readonly FlagDefinition[];
  readonly capabilities: Capabilities;
  /**
   * Flag values with which a machine has an architecture, for those who ask for one and choose no size; absent where a
   * machine has that of this computer, or of a host that is there.
   */
  readonly architectures?: Readonly<Record<'amd64' | 'arm64', FlagValues>>;
  /**
   * The flag that names the image of a machine, and the one that takes its id where that is another; present where the
   * driver makes images of machines (`DriverImplementation.images`).
   */
  readonly imageFlags?: { readonly name: string; readonly id?: string };
}

/** One result of a check, for `create` and `doctor`. */
export interface Finding {
  readonly severity: 'ok' | 'warning' | 'error';
  /** Stable, e.g. `qemu-missing`. */
  readonly code: string;
  readonly message: string;
  readonly remedy?: string;
}

/** A TCP endpoint as the user's computer reaches it. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** How SSH reaches the machine. What is not told stands in the record: SSHUser, SSHKeyPath. */
export interface SshEndpoint extends Endpoint {
  readonly user?: string;
  /** Absolute path of the private key on this computer; empty for none of its own (the user's agent and keys). */
  readonly keyPath?: string;
}

/** Power states, as docker-machine names them (lower case), and two of ours. */
export type PowerState =
  | 'running'
  | 'paused'
  | 'saved'
  | 'stopped'
  | 'stopping'
  | 'starting'
  | 'error'
  /** There is no such machine at the hypervisor or provider any more. */
  | 'absent'
  /** A machine whose host cannot be asked (driver none). */
  | 'unmanaged';

/** What a probe found out. Never stored as truth. */
export interface DriverStatus {
  readonly power: PowerState;
  /** A sentence for `error`, and whatever else helps. */
  readonly detail?: string;
  /** Address of the machine, without port. */
  readonly address?: string;
  readonly ssh?: SshEndpoint;
  /** DOCKER_HOST: `tcp://127.0.0.1:49160`. */
  readonly engineUrl?: string;
}

/** The image that a machine boots: absolute paths of verified files, shared and read-only. */
export interface BootImage {
  /** Identifies the content: SHA-256 over the files, from the manifest. */
  readonly digest: string;
  readonly version: string;
  readonly architecture: 'amd64' | 'arm64';
  /** Kernel for direct boot (uncompressed where the architecture has one). */
  readonly kernelPath: string;
  readonly initrdPath: string;
  readonly rootPath: string;
  /** All of it as a CD with boot loaders; present for drivers with the capability `iso`. */
  readonly isoPath?: string;
}

/** A file that is handed to the guest at boot. */
export interface GuestFile {
  /** Name inside the guest: `hostname`, `server.pem`, … */
  readonly name: string;
  /** Where it lies on this computer, mode 0600. */
  readonly path: string;
}

/**
 * A directory of this computer that the machine sees. The guest reads in the guest file `shares` where it belongs, and
 * finds the device by its tag.
 */
export interface Share {
  /** Absolute, of this computer; no control characters. */
  readonly path: string;
  readonly isReadOnly: boolean;
  /** Name of the device, unique in the machine, at most 31 bytes: `tsm0`. */
  readonly tag: string;
  /** One of the driver's `capabilities.shares`; never `sftp` where a driver is given it. */
  readonly way: ShareWay;
}

/** A place for what a driver can make again, shared by all machines of a store. */
export interface DriverCache {
  readonly directory: string;
  /** Runs the action while no other process of this store runs one of the same name. */
  exclusively<T>(name: string, action: () => Promise<T>): Promise<T>;
}

/** What a driver needs to make a machine go on from a guest that it has saved before, instead of booting it. */
export interface ResumeMaterial {
  readonly cache: DriverCache;
  /** Options of the engine as JSON of its configuration file, all of them such that a running engine takes them over. */
  readonly engineConfig: string;
  /** The same for a machine of this driver for which nothing was asked; the saved engine has it. */
  readonly defaultEngineConfig: string;
}

/** What an image-booting driver needs besides its own configuration. */
export interface BootMaterial {
  readonly image: BootImage;
  readonly guestFiles: readonly GuestFile[];
  /** Empty for drivers without the capability. */
  readonly shares: readonly Share[];
  /** Only where a machine is being created that may be resumed; without it every start is a boot. */
  readonly resume?: ResumeMaterial;
}

/** What a driver needs whose machines are made at a provider. */
export interface ProviderMaterial {
  /** Whose the machine is: told to the provider in every call that makes something. UUIDs, the same in every attempt. */
  ownership(): Promise<{
    readonly machineId: string;
    readonly storeId: string;
    /** From then on nobody wants the machine any more, in milliseconds since the epoch. */
    readonly expiresMs?: number;
  }>;
  /** Public half of the user's SSH key of the machine, as a line; the pair is made when it is first asked for. */
  userKey(): Promise<string>;
  /** The SSH host key with which the machine is to boot; made when it is first asked for, and pinned by `pinHostKey`. */
  hostKey(): Promise<{ readonly privatePem: string; readonly publicLine: string }>;
  /** The machine has been given the host key: from now on it is accepted, and no other. */
  pinHostKey(): Promise<void>;
  /**
   * A script for the first boot that installs the engine as the machine's options say; undefined where that is left to SSH.
   * It holds no secret.
   */
  engineScript(): Promise<string | undefined>;
  /** The machine is given that script: it is waited for before the engine is installed over SSH. */
  awaitEngine(): Promise<void>;
  /** Secrets that were given on the command line when the machine was made, by flag. */
  secrets(): Promise<Readonly<Record<string, string>>>;
  /** Private state of the driver, beside config.json, for which docker-machine has no keys. Never a secret. */
  state(): Promise<Readonly<Record<string, unknown>>>;
  /** Puts keys into it, durable when it resolves. */
  saveState(part: Readonly<Record<string, unknown>>): Promise<void>;
}

/** What every method of a driver is given. */
export interface DriverContext<Config> {
  readonly host: Host;
  readonly name: string;
  /** The machine's directory; the driver keeps its files in it. */
  readonly directory: string;
  readonly config: Config;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** Present for drivers that boot an image, when they create, check or start. */
  readonly boot?: BootMaterial;
  /**
   * Puts keys into the driver's own part of config.json, durable when it resolves: an id, an address, as soon as it
   * is known. Not for `inspect`, which is called without the machine's lock.
   */
  readonly save: (part: Readonly<Record<string, unknown>>) => Promise<void>;
  /**
   * Runs the action while no other process of this store runs one of this driver's of the same name. Absent where nobody
   * else can.
   */
  readonly exclusively?: <T>(name: string, action: () => Promise<T>) => Promise<T>;
  /**
   * Where the processes of this store keep how often they ask providers, so that all of them together stay below a limit.
   * Absent where nobody else can know.
   */
  readonly ratesDirectory?: string;
  /** Present for drivers with the capability. */
  readonly provider?: ProviderMaterial;
  /**
   * Runs a command line on the machine by SSH, with the pinned host key; `exitCode` is undefined when the connection was
   * cut by what it did. Present for machines that are hosts; not for `inspect`.
   */
  readonly runRemote?: RunRemote;
}

/** What `check` is given. Name and secrets are there before a machine is made. */
export type CheckContext<Config> = Omit<DriverContext<Config>, 'directory' | 'name' | 'save' | 'provider'> & {
  readonly name?: string;
  /** See ProviderMaterial.secrets. */
  readonly secrets?: Readonly<Record<string, string>>;
  readonly state?: Readonly<Record<string, unknown>>;
};

/** See DriverContext.runRemote. */
export type RunRemote = (
  commandLine: string,
  options: { readonly timeoutMs: number },
) => Promise<{ readonly exitCode: number | undefined; readonly stdout: string; readonly stderr: string }>;

/** Where and for whom a driver is configured that asks another program. */
export interface ConfigurePlace {
  readonly name: string;
  readonly storePath: string;
  /** The machine's directory, which may not exist yet. */
  readonly directory: string;
  /**
   * URL of the ISO of our image on this computer, for hypervisors that boot from one; undefined when there is none.
   * @throws MachineError `image-invalid` when it is not what its manifest says.
   */
  readonly findIso: () => Promise<string | undefined>;
  /** Values of the flags that every driver has, as docker-machine hands them to its drivers: lists only if given. */
  readonly sharedFlags: FlagValues;
}

/** What a driver may need to be loaded at all; one that is built in needs none of it. */
export interface DriverEnvironment {
  readonly host: Host;
  readonly storePath: string;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** Registers what has to be ended with the command: a plugin's process. */
  readonly atEnd: (close: () => Promise<void>) => void;
}

/** What a step leaves in the journal. Never a secret. */
export type StepFacts = Readonly<Record<string, string | number | boolean>>;

/**
 * One named step of creating something. The runner journals `begin` (durably) before `run` and `done` after it.
 * Laws: `run` may be called again after it was interrupted at any point. `undo` succeeds when there is
 * nothing to undo, also when `run` never began or was cut in the middle. `done` asks reality, not memory.
 */
export interface Step {
  readonly name: string;
  /** For people: "Creating the disk". */
  readonly summary: string;
  /** Takes no time and goes without saying: no line of a log. */
  readonly isRoutine?: boolean;
  /** Names, tokens and tags of what `run` is about to make outside, journaled before it runs. */
  intent?(): StepFacts;
  done?(): Promise<boolean>;
  run(): Promise<StepFacts | undefined>;
  undo?(): Promise<void>;
}

/** What `configure` returns: the driver's own part of config.json, and what it knows of the common part. */
export interface Configured {
  readonly config: Readonly<Record<string, unknown>>;
  /** What ProviderMaterial.state has at first. */
  readonly state?: Readonly<Record<string, unknown>>;
  /** The image that a flag of the driver names; --image wins. */
  readonly imageSource?: string;
  readonly common?: {
    readonly ipAddress?: string;
    readonly sshUser?: string;
    readonly sshPort?: number;
  };
}

/** A port of this computer that leads into the guest. */
export interface PortForward {
  readonly protocol: 'tcp' | 'udp';
  /** IPv4 address of this computer on which it is taken: `127.0.0.1`, `0.0.0.0`. */
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly guestPort: number;
}

/** A forward that could not be made. */
export interface ForwardFailure {
  readonly forward: PortForward;
  /** What the hypervisor says. */
  readonly detail: string;
}

/** Something that was taken out of a driver's cache. */
export interface PrunedFiles {
  readonly directory: string;
  readonly sizeBytes: number;
}

/** The behaviour of a driver. Start, stop, kill and remove are idempotent: "already so" is success. */
export interface DriverImplementation<Config> {
  /**
   * Flag values to configuration. Pure.
   * @throws MachineError `flag-invalid` and the like for values that cannot work.
   */
  configure(values: FlagValues): Configured;
  /**
   * Instead of `configure` when a machine is created, for a driver that has to ask another program.
   * @throws MachineError like `configure`.
   */
  configureWith?(values: FlagValues, place: ConfigurePlace): Promise<Configured>;
  /**
   * The driver's own part of a stored record, checked field by field: records can be hostile.
   * @throws MachineError `record-invalid`.
   */
  readConfig(raw: Readonly<Record<string, unknown>>): Config;
  /**
   * New values of changeable flags as keys of the driver's own part of config.json, which hold from the next start on.
   * Pure. Present where a flag is `changeable`.
   * @throws MachineError `flag-invalid` for values that cannot work, or not for this machine.
   */
  change?(values: FlagValues, present: Config): Readonly<Record<string, unknown>>;
  /** Problems as data, before anything is made; also for `doctor` (then without `boot`). */
  check(context: CheckContext<Config>): Promise<readonly Finding[]>;
  /**
   * Those of `capabilities.shares` that work on this computer, the best first. Without it they all do.
   */
  shareWays?(
    context: Omit<DriverContext<Config>, 'directory' | 'name' | 'save' | 'boot'>,
  ): Promise<readonly ShareWay[]>;
  /** Named steps that make the machine, not yet started. */
  steps(context: DriverContext<Config>): readonly Step[];
  /**
   * Starts the machine and returns when its guest says it is ready (drivers that boot an image), or when
   * it runs. Emits `phase` events.
   */
  start(context: DriverContext<Config>): Promise<void>;
  /** Asks the guest first; after its time-out the machine is forced off. Returns when it is off. */
  stop(context: DriverContext<Config>): Promise<void>;
  kill(context: DriverContext<Config>): Promise<void>;
  /** Restarts a running machine and returns when it is on its way up; without it a machine is stopped and started. */
  restart?(context: DriverContext<Config>): Promise<void>;
  /** Nothing of the machine is left at the hypervisor; files in its directory are the caller's to remove. */
  remove(context: DriverContext<Config>): Promise<void>;
  /**
   * Puts the image of `boot` in the place of the machine's own copy of one; the machine is off. Present where a machine has
   * such a copy.
   */
  changeImage?(context: DriverContext<Config>): Promise<void>;
  /** Probes. Never throws for a machine that is not there. */
  inspect(context: DriverContext<Config>): Promise<DriverStatus>;
  /**
   * What the configuration says of a machine that was started: where it was reached then. For commands that connect
   * anyhow, where asking costs a request to a provider. Undefined for a machine that has no address.
   */
  recall?(config: Config): DriverStatus | undefined;
  /**
   * Where at the provider a machine is (region, endpoint, project, profile), as values of the driver's own flags: `configure`
   * makes a configuration of them that looks there. Machines of equal places are asked for together, and `gc` looks into
   * every place in which the store has made something. Pure; never a secret. Present where there is `listOwned`.
   */
  place?(config: Config, state: Readonly<Record<string, unknown>>): FlagValues;
  /**
   * Everything at the provider that carries the mark of a store (tags, labels, names), whatever the records say; also what
   * machines that are in use have. Present where `capabilities.provider` is true.
   */
  listOwned?(context: CheckContext<Config>, storeId: string): Promise<readonly OwnedResource[]>;
  /** Removes one of them. What is gone already, or in use by somebody else, is success. */
  removeOwned?(context: CheckContext<Config>, resource: OwnedResource): Promise<void>;
  /** Making images of machines. Present where the manifest has `imageFlags`. */
  images?(): Promise<ImageMaker<Config>>;
  /**
   * What the record of a machine is made of again of which `listOwned` has told the instance: with it `remove` leaves
   * nothing. Changes nothing. Present where `capabilities.provider` is true.
   * @returns undefined when it is not there any more, or carries another mark.
   */
  adoptOwned?(
    context: CheckContext<Config>,
    instance: MachineResource,
    storeId: string,
  ): Promise<FoundMachine | undefined>;
  /**
   * Changes the mark at the provider that tells until when the machine is wanted; undefined: for ever. What it had before
   * does not matter. Present where `capabilities.provider` is true.
   * @param expiresMs since the epoch
   */
  changeExpiry?(context: DriverContext<Config>, expiresMs: number | undefined): Promise<void>;
  /**
   * `inspect` of many machines of one place, with as few requests as the provider allows. Their credentials may differ.
   * @returns one status a machine, in the order of the contexts.
   */
  inspectMany?(contexts: readonly DriverContext<Config>[]): Promise<readonly DriverStatus[]>;
  /**
   * Takes out of the driver's cache what belongs to no image that is kept, and what killed commands left there.
   * Present where `capabilities.resume` is true.
   */
  prune?(
    context: Pick<DriverContext<unknown>, 'host' | 'signal'> & {
      readonly cache: DriverCache;
      readonly keepImages: ReadonlySet<string>;
    },
  ): Promise<readonly PrunedFiles[]>;
  /**
   * The forwards that `changeForwards` has made; never those of SSH and engine. Called without the machine's lock, and
   * holds nothing that another command would have to wait for.
   * @throws MachineError `machine-not-running`, `vm-control-failed`; `capability-missing` where it is impossible on
   *   this computer.
   */
  listForwards?(context: DriverContext<Config>): Promise<readonly PortForward[]>;
  /**
   * First takes forwards away, of which some may be gone already, then makes others. Those of SSH and engine are out of
   * its reach. Throws like `listForwards`; what cannot be made, as its port is taken, is data.
   */
  changeForwards?(
    context: DriverContext<Config>,
    change: { readonly remove: readonly PortForward[]; readonly add: readonly PortForward[] },
  ): Promise<readonly ForwardFailure[]>;
  /** Paths of logs that help, most useful first. */
  logs?(context: DriverContext<Config>): readonly { readonly name: string; readonly path: string }[];
}

/** A driver with its configuration type closed over. */
export interface Driver extends DriverImplementation<unknown> {
  readonly manifest: DriverManifest;
}

/** Joins manifest and implementation. The one place where the configuration's type is erased. */
export function defineDriver<Config>(
  manifest: DriverManifest,
  implementation: DriverImplementation<Config>,
): Driver {
  return { manifest, ...(implementation as DriverImplementation<unknown>) };
}
