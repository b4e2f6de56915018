import { MachineError } from '../core/errors.ts';
import { TemplateError } from '../template/errors.ts';

/**
 * The error of a command for one of a template, in Go's words; anything else is returned as it is.
 * @param prefix what the command says before it when the template cannot be parsed
 */
export function formatError(error: unknown, prefix = ''): unknown {
  if (!(error instanceof TemplateError)) {
    return error;
  }
  return error.phase === 'parse'
    ? new MachineError('format-invalid', `${prefix}${error.message}`)
    : new MachineError('format-failed', error.message);
}
