import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { WaitClock } from '../core/wait.ts';

/** A file or directory as far as the program cares. Times in milliseconds since the epoch. */
export interface FileStat {
  readonly kind: 'file' | 'directory' | 'symlink' | 'other';
  readonly sizeBytes: number;
  /** Permission bits only (0o7777). Meaningless on Windows. */
  readonly mode: number;
  readonly modifiedMs: number;
  /** Owner; -1 where the platform has none. */
  readonly uid: number;
}

/** One entry of a directory. */
export interface DirectoryEntry {
  readonly name: string;
  readonly kind: FileStat['kind'];
}

/**
 * Files. Errors are the system's own (`code` ENOENT, EACCES …) for readers; writers throw
 * MachineError `store-write-failed` that names the path and keeps the system error as cause.
 */
export interface Files {
  readText(path: string): Promise<string>;
  readBytes(path: string): Promise<Uint8Array>;
  /** Bytes from `offset` on, at most `lengthMaxBytes`; empty at or behind the end. */
  readRange(path: string, offset: number, lengthMaxBytes: number): Promise<Uint8Array>;
  /** Entries in no particular order; throws ENOENT for a missing directory. */
  list(path: string): Promise<DirectoryEntry[]>;
  /** Follows no symlink; undefined when there is nothing. */
  stat(path: string): Promise<FileStat | undefined>;
  /** The path with every symlink resolved. */
  realPath(path: string): Promise<string>;
  /** Whole file or nothing: temporary file beside it (`wx`), fsync, rename, fsync of the directory. Never follows a symlink at `path`. */
  writeAtomic(path: string, data: string | Uint8Array, mode: number): Promise<void>;
  /** Creates a file that must not exist (EEXIST is thrown as it is). */
  writeNew(path: string, data: string | Uint8Array, mode: number): Promise<void>;
  /** Overwrites bytes of a file that is there and has them, and fsyncs before it resolves. */
  overwrite(path: string, offset: number, data: Uint8Array): Promise<void>;
  /** Appends and fsyncs before it resolves; creates the file (0600) when it is missing. */
  appendDurable(path: string, data: string): Promise<void>;
  /**
   * Appends in one piece, so that what several processes append at once is not mixed; creates the file (0600) when it is
   * missing. It may be lost when the system fails.
   */
  append(path: string, data: string): Promise<void>;
  /** Also makes missing parents; an existing directory keeps its mode. */
  makeDirectory(path: string, mode: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Hard link; EEXIST when `to` is there. */
  link(from: string, to: string): Promise<void>;
  /** Copies a file to a new one (clone where the file system can); throws when `to` is there. */
  copy(from: string, to: string, mode: number): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  /** Makes a file so large, with a hole at its end that takes no room and reads as zeros. A larger one stays as it is. */
  grow(path: string, sizeBytes: number): Promise<void>;
  /** Removes a file or a whole directory; nothing there is fine. Does not follow symlinks. */
  remove(path: string): Promise<void>;
  /**
   * Unpacks a brotli file to a new one as a stream; it is on the disk when this resolves, and gone after an error.
   * @throws MachineError `image-invalid` when the content is damaged or longer than `sizeMaxBytes`.
   */
  unpackBrotli(from: string, to: string, options: UnpackOptions): Promise<void>;
  /** Lower-case hex SHA-256 of a file's content, read as a stream. */
  sha256(path: string): Promise<string>;
  /**
   * CRC-32 of a file's content (the polynomial of zlib), read as a stream. Tells accidents, not attacks, at a
   * multiple of the speed of `sha256`.
   */
  crc32(path: string): Promise<number>;
  /** Bytes free for this user on the file system that holds `path`. */
  freeBytes(path: string): Promise<number>;
}

/** All that a file system tells of what lies under a name. Times in seconds since the epoch. */
export interface RawStat {
  readonly kind: FileStat['kind'];
  readonly sizeBytes: number;
  /** With the bits of the kind (S_IFMT). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly accessedS: number;
  readonly modifiedS: number;
}

/** A file that is open. */
export interface RawFile {
  /** Fills the target from its beginning with what is at `offset`; fewer bytes only at the end. */
  read(target: Uint8Array, offset: number): Promise<number>;
  /** Writes all of it; at the end of a file that was opened for appending. */
  write(data: Uint8Array, offset: number): Promise<void>;
  stat(): Promise<RawStat>;
  truncate(sizeBytes: number): Promise<void>;
  chmod(mode: number): Promise<void>;
  chown(uid: number, gid: number): Promise<void>;
  setTimes(accessedS: number, modifiedS: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** How a file is opened. */
export interface RawOpen {
  readonly read: boolean;
  readonly write: boolean;
  readonly append: boolean;
  readonly create: boolean;
  readonly exclusive: boolean;
  readonly truncate: boolean;
  /** Of a new file. */
  readonly mode: number;
}

/**
 * Files for a server of them. Names are bytes, as they need not be text; on Windows they are UTF-8. No function but
 * `chmod` and `setTimes` of a path follows a symlink in its last part. Errors are the system's own.
 */
export interface RawFiles {
  lstat(path: Uint8Array): Promise<RawStat>;
  /** Every symlink resolved. */
  realPath(path: Uint8Array): Promise<Uint8Array>;
  readLink(path: Uint8Array): Promise<Uint8Array>;
  /** Names in a directory. */
  list(path: Uint8Array): Promise<Uint8Array[]>;
  /** Never blocks, whatever lies there. */
  open(path: Uint8Array, how: RawOpen): Promise<RawFile>;
  makeDirectory(path: Uint8Array, mode: number): Promise<void>;
  removeDirectory(path: Uint8Array): Promise<void>;
  removeFile(path: Uint8Array): Promise<void>;
  rename(from: Uint8Array, to: Uint8Array): Promise<void>;
  link(from: Uint8Array, to: Uint8Array): Promise<void>;
  symlink(target: Uint8Array, path: Uint8Array): Promise<void>;
  chmod(path: Uint8Array, mode: number): Promise<void>;
  chown(path: Uint8Array, uid: number, gid: number): Promise<void>;
  setTimes(path: Uint8Array, accessedS: number, modifiedS: number): Promise<void>;
  setLinkTimes(path: Uint8Array, accessedS: number, modifiedS: number): Promise<void>;
  /** Of the file system that holds a path, in blocks. */
  space(path: Uint8Array): Promise<{
    readonly blockBytes: number;
    readonly blocks: number;
    readonly blocksFree: number;
    readonly blocksAvailable: number;
    readonly files: number;
    readonly filesFree: number;
  }>;
}

/** How a compressed file is unpacked. */
export interface UnpackOptions {
  readonly sizeMaxBytes: number;
  readonly mode: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (doneBytes: number) => void;
}

/** How to run a child to its end. Never through a shell. */
export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly cwd?: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes other than 0 that are answers, not errors. `'any'` takes all. */
  readonly acceptExitCodes?: readonly number[] | 'any';
}

/** What a child left behind. Output is decoded as UTF-8, at most 16 MiB each. */
export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A process that can be recognised later: the same pid with another start time is somebody else.
 * `startTime` is an opaque text of the platform, and includes the boot it belongs to.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

/** A child that talks to this process while it runs. Its output may also end with an error when it is cut off. */
export interface PipedChild {
  readonly pid: number;
  readonly stdout: AsyncIterable<Uint8Array>;
  readonly stderr: AsyncIterable<Uint8Array>;
  /** Resolves when the process has ended; never rejects. */
  readonly ended: Promise<{ readonly exitCode: number | null; readonly signal: string | null }>;
  /** Does nothing when it has ended already. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** Child processes and processes in general. */
export interface Processes {
  /**
   * Runs a program to its end.
   * @throws MachineError `program-missing` (not found), `program-failed` (exit code, signal, time-out;
   *   facts: exitCode, stdout, stderr), and the signal's reason when aborted.
   */
  run(file: string, args: readonly string[], options: RunOptions): Promise<RunResult>;
  /**
   * Runs a program to its end in place of this one: it has our input, outputs and terminal, and interrupts are for it.
   * No time limit; the user sees it.
   * @returns its exit code; 128 and the signal's number when a signal ended it.
   * @throws MachineError `program-missing`, `program-failed` when it cannot be started.
   */
  runAttached(file: string, args: readonly string[]): Promise<number>;
  /** Absolute path of a program on PATH (with PATHEXT on Windows), or undefined. */
  find(program: string): Promise<string | undefined>;
  /**
   * Starts a program in a session of its own that outlives this process; stdin is `stdinPath`, else empty, both
   * outputs are appended to `logPath`. Resolves when it runs.
   */
  spawnDetached(
    file: string,
    args: readonly string[],
    options: {
      readonly logPath: string;
      readonly stdinPath?: string;
      readonly cwd?: string;
      readonly env?: Readonly<Record<string, string>>;
    },
  ): Promise<ProcessIdentity>;
  /**
   * Starts a program with empty stdin and pipes from its outputs, which the caller reads. Interrupts at the terminal do
   * not reach it; it is killed when this process exits.
   * @throws MachineError `program-missing`, `program-failed` when it cannot be started.
   */
  startPiped(
    file: string,
    args: readonly string[],
    options: { readonly env?: Readonly<Record<string, string>> },
  ): Promise<PipedChild>;
  /** Identity of a running process; undefined when there is none with this pid (a zombie counts as none). */
  identify(pid: number): Promise<ProcessIdentity | undefined>;
  /** True while exactly this process runs. */
  isAlive(identity: ProcessIdentity): Promise<boolean>;
  /** Sends a signal if exactly this process still runs; false when it is gone. */
  signal(
    identity: ProcessIdentity,
    signal: 'SIGTERM' | 'SIGKILL' | 'SIGINT' | 'SIGSTOP' | 'SIGCONT',
  ): Promise<boolean>;
}

/** Where to connect: TCP, or a unix socket / Windows pipe by its path. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string };

/** An address of this computer, IPv4 or IPv6, and a port of it. */
export interface PortAddress {
  readonly host: string;
  readonly port: number;
}

/** Something that listens. */
export interface Listener {
  /** Stops listening and ends every connection that came in. */
  close(): Promise<void>;
}

/** A socket that takes and sends datagrams. */
export interface DatagramSocket extends Listener {
  /** Sends one; what cannot be sent is lost, as datagrams may be. */
  send(message: Uint8Array, to: PortAddress): void;
}

/** Certificates for a mutual-TLS connection, PEM. */
export interface TlsMaterial {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Sockets. Errors are the system's own (ECONNREFUSED, ENOENT, ETIMEDOUT …) or OpenSSL's. */
export interface Network {
  /** Resolves once connected; rejects with code ETIMEDOUT after `timeoutMs`. */
  connect(
    address: Address,
    options: {
      readonly timeoutMs: number;
      readonly signal?: AbortSignal | undefined;
      /** The socket still sends when the other side has ended, until it is ended here. */
      readonly allowHalfOpen?: boolean;
    },
  ): Promise<Socket>;
  /** Resolves once the handshake is done and the server's certificate is accepted for `host`. */
  connectTls(
    address: { readonly host: string; readonly port: number },
    material: TlsMaterial,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<TLSSocket>;
  /** Listens on a free TCP port of 127.0.0.1 until `close`, which also ends every connection. */
  listen(onConnection: (socket: Socket) => void): Promise<{ readonly port: number; close(): Promise<void> }>;
  /**
   * Listens on a TCP port of this computer. An IPv6 address takes no connections of IPv4, and either side of a
   * connection may end its half first.
   * @throws the system's error: EADDRINUSE, EACCES, EADDRNOTAVAIL (no such address here) …
   */
  listenAt(address: PortAddress, onConnection: (socket: Socket) => void): Promise<Listener>;
  /** Takes datagrams at a UDP port; port 0 is any free one. Throws like listenAt. */
  bindDatagrams(
    address: PortAddress,
    onMessage: (message: Uint8Array, from: PortAddress) => void,
  ): Promise<DatagramSocket>;
  /** True when a TCP port of 127.0.0.1 can be bound at this moment. A hint, not a reservation. */
  isPortFree(port: number): Promise<boolean>;
}

/** One request of an API. */
export interface HttpRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For everything from the look-up of the name to the last byte of the answer. */
  readonly timeoutMs: number;
  /** Longest answer that is read; 16 MiB when left out. */
  readonly sizeMaxBytes?: number;
  /**
   * Plain HTTP goes only to this computer, unless the caller says here that it may go further: the metadata service of
   * an instance has nothing else.
   */
  readonly allowsPlainHttp?: boolean;
  /** How the server's certificate is judged where the authorities of this computer are not enough. */
  readonly tls?: HttpTrust;
  readonly signal?: AbortSignal | undefined;
}

/** Whom HTTPS trusts besides, or instead of, the authorities of this computer. */
export interface HttpTrust {
  /** Certificates of authorities as PEM, in the place of those of this computer. */
  readonly authorities?: string;
  /** Takes every certificate: whoever is in between can read and change what is sent. */
  readonly isUnverified?: boolean;
}

/** Whatever a server answered, error or not. Redirects are not followed. */
export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name; of a header that came several times, the values with `, ` between. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Downloads and requests by HTTP(S), proxies from the environment. */
export interface Http {
  /**
   * Sends one request, once, and reads the whole answer.
   * @throws MachineError `request-failed` when there was no whole answer: it may have been carried out all the same; and
   *   the signal's reason when aborted. Neither holds headers or body.
   */
  request(request: HttpRequest): Promise<HttpAnswer>;
  /**
   * Fetches `url` into the file `path` (must not exist) and stops at the first byte too much.
   * Refuses every redirect away from HTTPS. Loopback hosts may be plain HTTP only when `url` itself is.
   * @throws MachineError `download-failed`.
   */
  download(
    url: string,
    path: string,
    options: {
      readonly sizeMaxBytes: number;
      readonly signal?: AbortSignal | undefined;
      readonly onProgress?: (doneBytes: number, totalBytes: number | undefined) => void;
    },
  ): Promise<void>;
}

/** Wall clock and waiting. */
export interface Clock extends WaitClock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
}

/** Facts of the computer and the user that do not change while the program runs. */
export interface HostFacts {
  readonly platform: NodeJS.Platform;
  /** Node's name: x64, arm64 … */
  readonly arch: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string;
  readonly tempDirectory: string;
  readonly currentDirectory: string;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  readonly userName: string;
  readonly pid: number;
  /** Directory of package.json. */
  readonly packageRoot: string;
  /** Absolute path of the Node that runs this program. */
  readonly nodePath: string;
}

/** How a directory is watched. */
export interface WatchOptions {
  /** Directories below it that are watched at most, the near ones first, where each costs something. */
  readonly directoriesMax: number;
  /** Names of files and directories that are passed over, with what is in them. */
  readonly skipped: ReadonlySet<string>;
  /** Absolute path of what was made, changed, renamed or removed; it may be told more than once. */
  readonly onChange: (path: string) => void;
}

/** A directory that is being watched. */
export interface TreeWatch {
  /** False when some of what is in it is not watched. */
  readonly isComplete: boolean;
  close(): void;
}

/** The outside world. Everything that logic needs of it comes in through this one object. */
export interface Host {
  readonly facts: HostFacts;
  readonly files: Files;
  /** Loads what only a server of files needs. */
  openRawFiles(): Promise<RawFiles>;
  /** Watches a directory with all that is in it, until it is closed; it keeps no process from ending. */
  watchTree(path: string, options: WatchOptions): Promise<TreeWatch>;
  readonly processes: Processes;
  readonly network: Network;
  readonly http: Http;
  readonly clock: Clock;
  /** Imports an ES module by its absolute path, which runs its code. Errors are whatever it throws. */
  importModule(path: string): Promise<unknown>;
  /** Cryptographically strong. */
  randomBytes(count: number): Uint8Array;
}
