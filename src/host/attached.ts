import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { MachineError } from '../core/errors.ts';
import { findProgram } from './find-program.ts';
import type { HostFacts } from './types.ts';

const userSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs a program in place of this one: see `Processes.runAttached`. */
export async function runAttached(
  facts: Pick<HostFacts, 'platform' | 'env'>,
  file: string,
  args: readonly string[],
): Promise<number> {
  const program = await findProgram(facts, file);
  if (program === undefined) {
    const { programMissing } = await import('./exec.ts');
    throw programMissing(file);
  }
  const child = spawn(program, args, { stdio: 'inherit', env: { ...facts.env } });
  const restore = passSignalsTo((signal) => child.kill(signal));
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (cause) => {
        reject(
          new MachineError('program-failed', `${file} could not be started.`, {
            cause,
            facts: { program: file },
          }),
        );
      });
      child.once('exit', (exitCode, signal) => {
        resolve(exitCode ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    });
  } finally {
    restore();
  }
}

/**
 * While the child runs it decides what a signal means, and this process ends after it. Whoever listened before does
 * not hear of it.
 */
function passSignalsTo(kill: (signal: NodeJS.Signals) => void): () => void {
  const undo = userSignals.map((signal) => {
    const before = process.listeners(signal);
    const pass = (): void => {
      // A key at the terminal has reached the child already: it is for everybody in the foreground.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) {
        kill(signal);
      }
    };
    process.removeAllListeners(signal).on(signal, pass);
    return () => {
      process.off(signal, pass);
      for (const listener of before) {
        process.on(signal, listener);
      }
    };
  });
  return () => {
    for (const step of undo) {
      step();
    }
  };
}
