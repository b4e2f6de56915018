import { isMachineError, messageOf } from '../../core/errors.ts';
import type { Found } from './findings.ts';

/** What kept somebody from looking further, as a finding. @param name for the word NAME in advice */
export function foundError(error: unknown, name: string): Found {
  if (!isMachineError(error)) {
    return { severity: 'error', code: 'bug', message: messageOf(error), remedies: [] };
  }
  return {
    severity: 'error',
    code: error.code,
    message: error.message,
    ...(error.why === undefined ? {} : { why: error.why }),
    remedies: error.remedies.map((remedy) => remedy.replaceAll('NAME', name)),
  };
}
