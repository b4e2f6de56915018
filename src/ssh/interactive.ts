import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { abortable } from './abort.ts';
import type { CommandEnd, RemoteProcess, RemoteTerminal, SshConnection } from './types.ts';

/** The user's side: process.stdin and its like, or streams of a test. */
export interface LocalStreams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** How to join the two sides. */
export interface AttachOptions extends LocalStreams {
  /** Value of TERM on the other side. */
  readonly terminalType: string;
  /**
   * Whether the other side gets a terminal. Unless given: for a shell, when stdin is one here. A command
   * runs without, as with ssh.
   */
  readonly terminal?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a terminal has beyond a stream (node:tty). */
interface TerminalInput {
  isTTY?: boolean;
  isRaw?: boolean;
  setRawMode?(raw: boolean): unknown;
}
interface TerminalOutput {
  columns?: number;
  rows?: number;
}

const sizeDefault = { columns: 80, rows: 24 };
// What ssh itself returns when there is no status.
const unknownExitCode = 255;

/**
 * Runs a command line, or the login shell when there is none, joined to local streams, until it ends. Local
 * signals, a failure and an abort all leave the terminal as it was.
 * @returns the remote exit code; 128 and the signal's number for a command that a signal ended.
 * @throws MachineError `ssh-failed` when the connection is lost; the signal's reason.
 */
export async function attachRemote(
  connection: Pick<SshConnection, 'start'>,
  command: string | undefined,
  options: AttachOptions,
): Promise<number> {
  const { stdin, stdout, signal } = options;
  const input = stdin as TerminalInput;
  const wantsTerminal = options.terminal ?? (command === undefined && input.isTTY === true);
  const terminal = wantsTerminal ? terminalOf(stdout, options.terminalType) : undefined;
  const remote = await connection.start(command, { terminal, signal });
  const undo: (() => void)[] = [];
  try {
    if (wantsTerminal) {
      undo.push(enterRawMode(input), followSize(stdout, remote));
    }
    undo.push(joinStreams(remote, options));
    const end = await endOf(remote, signal);
    await Promise.all([flushed(stdout), flushed(options.stderr)]);
    return exitCodeOf(end);
  } finally {
    for (const step of undo.reverse()) {
      step();
    }
  }
}

function terminalOf(stdout: Writable, type: string): RemoteTerminal {
  return { type, ...sizeOf(stdout) };
}

function sizeOf(stdout: Writable): typeof sizeDefault {
  const { columns, rows } = stdout as TerminalOutput;
  return columns === undefined || rows === undefined || columns < 1 || rows < 1
    ? sizeDefault
    : { columns, rows };
}

/** Keys go to the other side as they are. Undone also when the process exits without coming back here. */
function enterRawMode(input: TerminalInput): () => void {
  if (input.isTTY !== true || input.setRawMode === undefined) {
    return () => undefined;
  }
  const wasRaw = input.isRaw === true;
  const restore = (): void => {
    input.setRawMode?.(wasRaw);
  };
  input.setRawMode(true);
  process.once('exit', restore);
  return () => {
    process.off('exit', restore);
    restore();
  };
}

function followSize(stdout: Writable, remote: RemoteProcess): () => void {
  const onResize = (): void => {
    remote.resize(sizeOf(stdout));
  };
  stdout.on('resize', onResize);
  return () => {
    stdout.off('resize', onResize);
  };
}

function joinStreams(remote: RemoteProcess, local: LocalStreams): () => void {
  // A reader that went away (`… | head`) ends the command, as a broken pipe would here.
  const onBroken = (): void => {
    remote.kill();
  };
  local.stdout.on('error', onBroken);
  local.stderr.on('error', onBroken);
  remote.stdout.pipe(local.stdout, { end: false });
  remote.stderr.pipe(local.stderr, { end: false });
  local.stdin.pipe(remote.stdin);
  return () => {
    local.stdin.unpipe(remote.stdin);
    // Otherwise the open input would keep the program from ending.
    local.stdin.pause();
    remote.stdout.unpipe(local.stdout);
    remote.stderr.unpipe(local.stderr);
    local.stdout.off('error', onBroken);
    local.stderr.off('error', onBroken);
  };
}

/** The end of the command, with all its output handed over; killed when aborted. */
async function endOf(remote: RemoteProcess, signal: AbortSignal | undefined): Promise<CommandEnd> {
  const errorsRead = new Promise<void>((resolve) => {
    remote.stderr.once('end', resolve);
  });
  const ended = remote.ended.then(async (end) => {
    await errorsRead;
    return end;
  });
  if (signal === undefined) {
    return ended;
  }
  try {
    return await abortable(ended, signal);
  } catch (error) {
    remote.kill();
    throw error;
  }
}

/** Resolves when everything written so far is out: some streams are not done when the program ends. */
function flushed(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || !stream.writable) {
      resolve();
    } else {
      stream.write('', () => {
        resolve();
      });
    }
  });
}

function exitCodeOf(end: CommandEnd): number {
  if (end.exitCode !== undefined) {
    return end.exitCode;
  }
  const number = constants.signals[end.signal as NodeJS.Signals] as number | undefined;
  return number === undefined ? unknownExitCode : 128 + number;
}
