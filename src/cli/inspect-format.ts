import { TemplateError } from '../template/errors.ts';
import { createTemplate } from '../template/template.ts';
import { parseGoJson } from '../template/values.ts';
import { formatError } from './format-error.ts';

/**
 * What a template of `inspect --format` prints for a record in JSON.
 * @param write gets the text, also that in front of an error
 * @throws MachineError `format-invalid`, `format-failed`.
 */
export function printFormatted(format: string, json: string, write: (text: string) => void): void {
  try {
    write(`${createTemplate(format).run(parseGoJson(json))}\n`);
  } catch (error) {
    write(error instanceof TemplateError ? error.output : '');
    throw formatError(error, 'template parsing error: ');
  }
}
