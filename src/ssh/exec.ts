import type { Readable, Writable } from 'node:stream';
import { MachineError, messageOf } from '../core/errors.ts';
import type { WaitClock } from '../core/wait.ts';
import { abortable } from './abort.ts';
import type { CommandEnd, CommandOutput, ExecOptions, OutputHandler, SshConnection } from './types.ts';

const captureSizeMaxBytes = 16 * 1024 * 1024;
const terminalForSudo = { type: 'dumb', columns: 200, rows: 50 };

/** See SshConnection.exec. */
export async function runToEnd(
  clock: WaitClock,
  connection: Pick<SshConnection, 'start'>,
  command: string,
  options: ExecOptions,
): Promise<CommandEnd> {
  const limit = new AbortController();
  const signal =
    options.signal === undefined ? limit.signal : AbortSignal.any([limit.signal, options.signal]);
  const run = communicate(connection, command, { ...options, signal });
  if (options.timeoutMs === undefined) {
    return run;
  }
  const waiting = new AbortController();
  const { timeoutMs } = options;
  clock.sleep(timeoutMs, waiting.signal).then(
    () => {
      limit.abort(timeoutError(options.label ?? command, timeoutMs));
    },
    () => undefined,
  );
  try {
    return await run;
  } finally {
    waiting.abort();
  }
}

/**
 * Runs a command and keeps what it said, as UTF-8. `onStdout` also sees it as it comes.
 * @throws MachineError `ssh-failed` when it said more than 16 MiB; like SshConnection.exec.
 */
export async function capture(
  connection: Pick<SshConnection, 'exec'>,
  command: string,
  options: Omit<ExecOptions, 'onStderr'> = {},
): Promise<CommandOutput> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let sizeBytes = 0;
  const into = (chunks: Buffer[]) => (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes > captureSizeMaxBytes) {
      throw new MachineError('ssh-failed', 'A remote command said more than can be kept.', {
        why: `The limit is ${captureSizeMaxBytes} bytes.`,
      });
    }
    chunks.push(chunk);
  };
  const keep = into(stdout);
  const end = await connection.exec(command, {
    ...options,
    onStdout: (chunk) => {
      keep(chunk);
      return options.onStdout?.(chunk);
    },
    onStderr: into(stderr),
  });
  return {
    ...end,
    stdout: Buffer.concat(stdout).toString('utf8'),
    stderr: Buffer.concat(stderr).toString('utf8'),
  };
}

async function communicate(
  connection: Pick<SshConnection, 'start'>,
  command: string,
  options: ExecOptions & { readonly signal: AbortSignal },
): Promise<CommandEnd> {
  const { signal } = options;
  const terminal = options.pty === true ? terminalForSudo : undefined;
  const remote = await abortable(connection.start(command, { terminal, signal }), signal);
  const work = Promise.all([
    remote.ended,
    forward(remote.stdout, options.onStdout),
    forward(remote.stderr, options.onStderr),
    feed(remote.stdin, options.stdin),
  ]);
  try {
    const [end] = await abortable(work, signal);
    return end;
  } catch (error) {
    remote.kill();
    throw error;
  }
}

/** Resolves when the stream has ended and everything was handled. Without a handler it is read and dropped. */
function forward(stream: Readable, handler: OutputHandler | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    let pending: Promise<unknown> = Promise.resolve();
    stream.once('end', () => {
      pending.then(() => {
        resolve();
      }, reject);
    });
    if (handler === undefined) {
      stream.resume();
      return;
    }
    stream.on('data', (chunk: Buffer) => {
      try {
        const handled = handler(chunk);
        if (handled instanceof Promise) {
          stream.pause();
          pending = handled.then(() => stream.resume());
          pending.catch(reject);
        }
      } catch (error) {
        reject(error instanceof Error ? error : new Error(messageOf(error)));
      }
    });
  });
}

/** Writes the input as fast as it is taken, and stops without error when the command stops reading. */
async function feed(stdin: Writable, input: ExecOptions['stdin']): Promise<void> {
  if (input === undefined || typeof input === 'string' || input instanceof Uint8Array) {
    stdin.end(input);
    return;
  }
  for await (const chunk of input) {
    if (!stdin.writable) {
      return;
    }
    if (!stdin.write(chunk)) {
      await drained(stdin);
    }
  }
  stdin.end();
}

function drained(stdin: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stdin.off('drain', done);
      stdin.off('close', done);
      resolve();
    };
    stdin.once('drain', done);
    stdin.once('close', done);
  });
}

function timeoutError(label: string, timeoutMs: number): MachineError {
  return new MachineError('timeout', `A remote command did not end within ${timeoutMs / 1000} s.`, {
    why: `It was: ${label.slice(0, 200)}`,
  });
}
