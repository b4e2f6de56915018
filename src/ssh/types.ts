import type { Duplex, Readable, Writable } from 'node:stream';
import type { Address } from '../host/types.ts';
import type { HostKeyTrust } from './host-key.ts';

/** Whom to connect to, as whom, and how long to try. */
export interface SshOptions {
  readonly endpoint: Address;
  readonly user: string;
  readonly hostKey: HostKeyTrust;
  /** OpenSSH, PKCS#1, SEC1 or PKCS#8, without passphrase. */
  readonly privateKeyPem?: string | undefined;
  /** Path of an agent's socket (SSH_AUTH_SOCK), asked after the key. It is never forwarded. */
  readonly agentSocket?: string | undefined;
  /** For the TCP connection, and again for handshake and authentication. */
  readonly timeoutMs: number;
  /** Aborting it ends the connection at any time. */
  readonly signal?: AbortSignal | undefined;
  /** How soon a frozen peer is noticed: after so many unanswered probes. 15 s × 3 unless given. */
  readonly keepalive?: { readonly intervalMs: number; readonly countMax: number };
}

/** An authenticated connection. Any number of actions may run at the same time; eight of them do. */
export interface SshConnection {
  /** The host key that was shown and accepted, as a public line to pin. */
  readonly hostKey: string;
  /** Resolves when the connection is gone, for whatever reason. */
  readonly closed: Promise<void>;
  /**
   * Runs a command line to its end. Output that nobody takes is discarded.
   * @throws MachineError `ssh-failed` when the connection is lost, `timeout`; the signal's reason.
   */
  exec(command: string, options?: ExecOptions): Promise<CommandEnd>;
  /**
   * Starts a command line, or the login shell when there is none, with or without a terminal. Both outputs
   * have to be read.
   */
  start(command: string | undefined, options?: StartOptions): Promise<RemoteProcess>;
  /**
   * Writes a file under its final name only when it is whole. `mode` in bits, e.g. 0o600.
   * @throws MachineError `program-failed` when the other side cannot write it; like exec.
   */
  upload(data: string | Uint8Array, remotePath: string, mode: number, options?: UploadOptions): Promise<void>;
  /**
   * The files of the other side, by SFTP. They are there as long as the connection.
   * @throws MachineError `program-missing` where the server has no SFTP.
   */
  files(): Promise<RemoteFiles>;
  /**
   * Connects to a TCP port that the other side reaches: `direct-tcpip` of RFC 4254, section 7.2. Either side may end its
   * half first.
   * @throws MachineError `ssh-failed` when nobody listens there, or the server forwards nothing.
   */
  dial(host: string, port: number): Promise<Duplex>;
  /** Ends the connection; running commands reject. */
  close(): Promise<void>;
}

/** What lies under a name. */
export type RemoteKind = 'file' | 'directory' | 'symlink' | 'other';

/** One entry of a remote directory; its name leads nowhere else. */
export interface RemoteEntry {
  readonly name: string;
  readonly kind: RemoteKind;
}

/** Files of the other side. All throw MachineError `program-failed` that names the path, `ssh-failed` when the connection is lost. */
export interface RemoteFiles {
  /** Follows links; undefined when there is nothing. `mode`: permission bits. */
  stat(path: string): Promise<{ readonly kind: RemoteKind; readonly mode: number } | undefined>;
  list(path: string): Promise<readonly RemoteEntry[]>;
  makeDirectory(path: string, mode: number): Promise<void>;
  /** Writes the content of a remote file to a local one. */
  download(path: string, localPath: string): Promise<void>;
  /** The other way round. */
  upload(localPath: string, path: string, mode: number): Promise<void>;
  /** Writes the content of a remote file to one of another machine. */
  send(path: string, other: RemoteFiles, otherPath: string, mode: number): Promise<void>;
  writeStream(path: string, mode: number): Writable;
  /** Renames a file, also to a name that is taken. */
  replace(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
}

/** Size of a terminal in characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** How a remote command ended: with an exit code, or by a signal (`SIGKILL`). Exactly one of the two is there. */
export interface CommandEnd {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
}

/** A command that runs on the other side. Both outputs have to be read, or it never ends. */
export interface RemoteProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * Resolves when the command has ended and its output has been read; rejects with `ssh-failed` when the
   * connection was lost before that.
   */
  readonly ended: Promise<CommandEnd>;
  /** For a process with a terminal: its new size. */
  resize(size: TerminalSize): void;
  /**
   * Sends SIGTERM and closes the channel; output that is still to come is dropped. Does not wait. Without
   * another status the command then counts as ended by SIGTERM.
   */
  kill(): void;
}

/** A terminal on the other side. */
export interface RemoteTerminal extends TerminalSize {
  /** Value of TERM. */
  readonly type: string;
}

/** How to start a remote process. */
export interface StartOptions {
  readonly terminal?: RemoteTerminal | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Takes output as it comes. While a returned promise is pending the other side is held back. */
export type OutputHandler = (chunk: Buffer) => unknown;

/** How to run a remote command. */
export interface ExecOptions {
  /** What the command reads; nothing unless given. Secrets go here, never into the command line. */
  readonly stdin?: string | Uint8Array | AsyncIterable<Uint8Array>;
  readonly onStdout?: OutputHandler;
  readonly onStderr?: OutputHandler;
  readonly signal?: AbortSignal | undefined;
  /** No limit unless given. */
  readonly timeoutMs?: number | undefined;
  /** Gives the command a terminal, for hosts whose sudo wants one. Both outputs then come as one. */
  readonly pty?: boolean;
  /** Names the command in errors, instead of the command line: "installing the engine". */
  readonly label?: string;
}

/** What a command said. */
export interface CommandOutput extends CommandEnd {
  readonly stdout: string;
  readonly stderr: string;
}

/** How to write a remote file. */
export interface UploadOptions {
  /** Write as root, by `sudo -n`. */
  readonly sudo?: boolean;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}
