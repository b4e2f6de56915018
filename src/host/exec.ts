import { execa } from 'execa';
import { StringDecoder } from 'node:string_decoder';
import type { Readable } from 'node:stream';
import { MachineError } from '../core/errors.ts';
import { findProgram } from './find-program.ts';
import type { HostFacts, RunOptions, RunResult } from './types.ts';

const OUTPUT_MAX_CHARS = 16 * 1024 * 1024;
const FACT_MAX_CHARS = 64 * 1024;
const KILL_AFTER_MS = 5000;
/** A daemon that a child leaves behind keeps the pipes open for ever; this long after the child's end they are cut. */
const PIPE_GRACE_MS = 1000;

/** Runs a program to its end: see `Processes.run`. The only place that imports execa. */
export async function runProgram(
  facts: Pick<HostFacts, 'platform' | 'env'>,
  file: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  options.signal?.throwIfAborted();
  // Looked up here and not by the system: Windows would look into the current directory first.
  const program = await findProgram(facts, file);
  if (program === undefined) {
    throw programMissing(file);
  }
  const child = execa(program, args, {
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    timeout: options.timeoutMs,
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...options.env },
    forceKillAfterDelay: KILL_AFTER_MS,
    reject: false,
    buffer: false,
    windowsHide: true,
  });
  const tooMuch = (): void => {
    child.kill('SIGKILL');
  };
  const stdout = collect(child.stdout, tooMuch);
  const stderr = collect(child.stderr, tooMuch);
  let pipeTimer: NodeJS.Timeout | undefined;
  child.once('exit', () => {
    pipeTimer = setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, PIPE_GRACE_MS);
  });
  const result = await child;
  clearTimeout(pipeTimer);
  options.signal?.throwIfAborted();
  const output = { stdout: stdout.text(), stderr: stderr.text() };
  if (stdout.isOverfull() || stderr.isOverfull()) {
    throw failure(file, 'wrote more than 16 MiB', { ...output, exitCode: undefined, cause: undefined });
  }
  const { exitCode } = result;
  if (exitCode !== undefined && !result.timedOut && isAccepted(exitCode, options)) {
    return { exitCode, ...output };
  }
  // execa's own error shows the arguments and the environment, which may hold secrets: only its inner cause is kept.
  throw failure(file, outcome(result, options.timeoutMs), { ...output, exitCode, cause: result.cause });
}

/** The error for a program that is not on PATH. */
export function programMissing(file: string): MachineError {
  return new MachineError('program-missing', `The program ${file} was not found.`, {
    remedies: [`Install ${file} and make sure that it is on PATH, then run the command again.`],
    facts: { program: file },
  });
}

function isAccepted(exitCode: number, options: RunOptions): boolean {
  return (
    exitCode === 0 ||
    options.acceptExitCodes === 'any' ||
    options.acceptExitCodes?.includes(exitCode) === true
  );
}

function outcome(
  result: { readonly timedOut: boolean; readonly exitCode?: number; readonly signal?: string },
  timeoutMs: number,
): string {
  if (result.timedOut) {
    return `did not end within ${timeoutMs / 1000} s`;
  }
  if (result.exitCode !== undefined) {
    return `ended with exit code ${result.exitCode}`;
  }
  return result.signal === undefined ? 'could not be started' : `was ended by ${result.signal}`;
}

function failure(
  file: string,
  what: string,
  found: RunResultWithoutCode & { readonly exitCode: number | undefined; readonly cause: unknown },
): MachineError {
  const said = lastLine(found.stderr) ?? lastLine(found.stdout);
  return new MachineError('program-failed', `${file} ${what}.`, {
    ...(said === undefined ? {} : { why: said }),
    ...(found.cause === undefined ? {} : { cause: found.cause }),
    facts: {
      program: file,
      exitCode: found.exitCode,
      stdout: found.stdout.slice(-FACT_MAX_CHARS),
      stderr: found.stderr.slice(-FACT_MAX_CHARS),
    },
  });
}

type RunResultWithoutCode = Omit<RunResult, 'exitCode'>;

function lastLine(text: string): string | undefined {
  const line = text.trimEnd().split('\n').at(-1)?.trim();
  return line === undefined || line === '' ? undefined : line;
}

interface Collector {
  text(): string;
  isOverfull(): boolean;
}

function collect(stream: Readable, onTooMuch: () => void): Collector {
  const decoder = new StringDecoder('utf8');
  const parts: string[] = [];
  let lengthChars = 0;
  let overfull = false;
  stream.on('data', (chunk: Buffer) => {
    if (overfull) {
      return;
    }
    const part = decoder.write(chunk);
    lengthChars += part.length;
    if (lengthChars > OUTPUT_MAX_CHARS) {
      overfull = true;
      onTooMuch();
      return;
    }
    parts.push(part);
  });
  return { text: () => parts.join(''), isOverfull: () => overfull };
}
