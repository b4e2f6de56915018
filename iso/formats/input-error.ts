import { MachineError } from '../../src/core/errors.ts';

/**
 * The error for an input file that is damaged or hostile. `file` is what the user can look at: the
 * name of the package, index or archive that was read.
 */
export function inputError(file: string, why: string, cause?: unknown): MachineError {
  return new MachineError('image-build-failed', `${file} cannot be read`, {
    why,
    facts: { file },
    remedies: [
      'Delete the file if it is in the package cache and run the command again; if it stays, use another mirror.',
    ],
    ...(cause === undefined ? {} : { cause }),
  });
}
