import type { Socket } from 'node:net';

/** How a guest was started: from its disk, to be saved, or from saved memory. */
export type GuestKind = 'boot' | 'template' | 'resumed';

/** A QEMU process and what is known of its guest. */
export interface FakeGuest {
  readonly pid: number;
  readonly kind: GuestKind;
  readonly args: readonly string[];
  readonly name: string;
  readonly diskPath: string;
  readonly consolePath: string;
  /** Commands that it was given, in order. */
  readonly commands: string[];
  /** The same with what was given. */
  readonly requests: Request[];
  /** What it was sent as its identity. */
  identity: Buffer;
  status: string;
  /** What the disk held when the guest was started. */
  readonly diskAtStart: string;
  /** Saved memory that was loaded. */
  memory: string | undefined;
}

/** QEMU programs that save guests and go on from them, and a place to make them fail. */
export interface TemplateQemu {
  /** First line of `--version`. */
  version: string;
  /** What guests say, by how they are started. */
  readonly lines: Record<GuestKind, string[]>;
  /** All guests that were ever started. */
  readonly guests: FakeGuest[];
  /** Guests that went on with memory and disk that do not belong together. */
  readonly mismatches: string[];
  /** What query-migrate says at last. */
  migration: Readonly<Record<string, unknown>>;
  /** The process ends at its start, with this in its log. */
  refuses: (guest: FakeGuest) => string | undefined;
  /** The process dies when it is given this command. */
  dies: (guest: FakeGuest, command: string) => boolean;
  /** Nobody listens on the socket. */
  isDeaf: (guest: FakeGuest, path: string) => boolean;
  /** False: what is written to the identity's port stays in the socket. */
  takesIdentity: boolean;
  /** Called when a guest is given a command, before it is obeyed. */
  onCommand: (guest: FakeGuest, command: string) => void;
  running(): FakeGuest[];
  /** Guests of one kind. */
  started(kind: GuestKind): FakeGuest[];
}

/** A command of QMP. */
export interface Request {
  readonly execute: string;
  readonly id: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

/** Its answer; undefined when QEMU ends before it gives one. */
export type Reply =
  { readonly return: unknown } | { readonly error: Readonly<Record<string, string>> } | undefined;

/** A guest with what only the pretended QEMU knows. */
export interface Guest extends FakeGuest {
  readonly paths: readonly string[];
  readonly identityPath: string | undefined;
  readonly cwd: string;
  readonly logPath: string;
  readonly sockets: { readonly path: string; readonly socket: Socket }[];
  isIdentityOpen: boolean;
  /** It has gone on with what it was sent. */
  isAwake: boolean;
  looks: number;
  /** It has ended at its start. */
  isRefused: boolean;
}

/** What else a process is started with. */
export interface StartOptions {
  readonly logPath?: string;
  readonly stdinPath?: string;
  readonly cwd?: string;
}

/** Reads a guest out of the arguments of its QEMU. */
export function guestOf(pid: number, args: readonly string[], options: StartOptions): Guest {
  const chardev = (id: string): string | undefined =>
    args
      .map((arg) => new RegExp(`^(?:socket|file),id=${id},path=((?:[^,]|,,)*)`).exec(arg)?.[1])
      .find((path) => path !== undefined)
      ?.replaceAll(',,', ',');
  const data = args.find((arg) => arg.includes('"node-name":"data"')) ?? '{"file":{}}';
  const { filename = '' } = (JSON.parse(data) as { readonly file: { readonly filename?: string } }).file;
  const identityPath = chardev('identity');
  const isIncoming = args.includes('-incoming');
  const name = /guest=([^,]*)/.exec(args[args.indexOf('-name') + 1] ?? '')?.[1] ?? '';
  return {
    pid,
    kind: isIncoming ? 'resumed' : identityPath === undefined ? 'boot' : 'template',
    args,
    name,
    diskPath: filename,
    diskAtStart: '',
    consolePath: chardev('serial0') ?? '',
    commands: [],
    requests: [],
    identity: Buffer.alloc(0),
    status: isIncoming ? 'inmigrate' : 'running',
    memory: undefined,
    paths: [chardev('control') ?? '', chardev('observer') ?? ''],
    identityPath,
    cwd: options.cwd ?? '/',
    logPath: options.logPath ?? '/log',
    sockets: [],
    isIdentityOpen: false,
    isAwake: false,
    looks: 0,
    isRefused: false,
  };
}

/** The value of an option of QEMU, or undefined. */
export function qemuArgument(guest: FakeGuest | undefined, option: string): string | undefined {
  const at = guest?.args.indexOf(option) ?? -1;
  return at < 0 ? undefined : guest?.args[at + 1];
}

/** What guests of one kind were told with a command, as JSON. */
export function toldWith(qemu: TemplateQemu, kind: GuestKind, command: string): string {
  const requests = qemu.started(kind).flatMap((guest) => guest.requests);
  return JSON.stringify(requests.filter(({ execute }) => execute === command));
}
