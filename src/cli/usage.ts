import { isMachineError } from '../core/errors.ts';
import type { Io } from './io.ts';

/**
 * What stands on stdout when a command line could not be read: the help, as docker-machine prints it, because shell
 * plugins read flags from there. Under the program's own name stdout stays empty: it carries only answers.
 */
export async function showIncorrectUsage(io: Io, error: unknown, help: () => Promise<string>): Promise<void> {
  const isFlag = isMachineError(error) && (error.code === 'flag-unknown' || error.code === 'flag-invalid');
  // A bad variable of the environment is no mistake in the command line.
  if (io.program === 'docker-machine' && isFlag && error.facts['variable'] === undefined) {
    io.stdout.write(`Incorrect Usage.\n\n${await help()}\n`);
  }
}
