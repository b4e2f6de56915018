import { spawn, type ChildProcess } from 'node:child_process';
import { MachineError } from '../core/errors.ts';
import { findProgram } from './find-program.ts';
import type { HostFacts, PipedChild } from './types.ts';

/** What a child leaves behind keeps its pipes open for ever; this long after the child's end they are cut. */
const PIPE_GRACE_MS = 1000;

/** Children that run. None outlives this process, however it ends, as long as it can do anything at its end. */
const running = new Set<ChildProcess>();
let watchesExit = false;

/** Starts a child with pipes: see `Processes.startPiped`. */
export async function startPiped(
  facts: Pick<HostFacts, 'platform' | 'env'>,
  file: string,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>> },
): Promise<PipedChild> {
  const program = await findProgram(facts, file);
  if (program === undefined) {
    const { programMissing } = await import('./exec.ts');
    throw programMissing(file);
  }
  const child = spawn(program, args, {
    // A group of its own: an interrupt at the terminal is for this process, which then ends the child in good order.
    detached: facts.platform !== 'win32',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...facts.env, ...options.env },
    windowsHide: true,
  });
  const ended = new Promise<{ exitCode: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (exitCode, signal) => {
      running.delete(child);
      const timer = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, PIPE_GRACE_MS);
      child.once('close', () => {
        clearTimeout(timer);
      });
      resolve({ exitCode, signal });
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => {
      reject(
        new MachineError('program-failed', `${file} could not be started.`, {
          cause,
          facts: { program: file },
        }),
      );
    });
  });
  running.add(child);
  endWithThisProcess();
  return {
    pid: child.pid ?? -1,
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    kill: (signal) => {
      child.kill(signal);
    },
  };
}

function endWithThisProcess(): void {
  if (!watchesExit) {
    watchesExit = true;
    process.once('exit', () => {
      for (const child of running) {
        child.kill('SIGKILL');
      }
    });
  }
}
