import { isMachineError, MachineError } from '../core/errors.ts';

/** The same error with another sentence; anything else is returned as it is. */
export function rephrased(error: unknown, sentence: (message: string) => string): unknown {
  if (!isMachineError(error)) {
    return error;
  }
  return new MachineError(error.code, sentence(error.message), {
    ...(error.why === undefined ? {} : { why: error.why }),
    remedies: error.remedies,
    facts: error.facts,
    cause: error.cause,
    exitCode: error.exitCode,
  });
}
