import { isMachineError, MachineError } from '../core/errors.ts';
import type { AnyCall } from './call.ts';
import { rephrased } from './rephrase.ts';

/**
 * The arguments of a command that takes locations; as in docker-machine the help comes before the error.
 * @throws MachineError `arguments-invalid`.
 */
export async function requireArguments(
  call: AnyCall,
  countMin: number,
  countMax: number,
): Promise<readonly string[]> {
  const { args, command, io } = call;
  if (args.length >= countMin && args.length <= countMax) {
    return args;
  }
  if (io.program === 'docker-machine') {
    const { commandHelp } = await import('./help.ts');
    call.print(await commandHelp({ command }, { program: io.program, columns: io.stdout.columns }));
  }
  throw new MachineError('arguments-invalid', 'Improper number of arguments');
}

/** A machine that cannot be loaded, in docker-machine's words. */
export function inWordsOfLoading(error: unknown): unknown {
  return isMachineError(error) && error.code === 'machine-not-found'
    ? rephrased(error, (message) => `Error loading host: Error loading host: ${message}`)
    : error;
}
