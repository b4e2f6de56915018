import { executeTemplate } from './execute.ts';
import { templateFunctions } from './functions.ts';
import { parseTemplate } from './parser.ts';
import type { GoValue } from './values.ts';

/** A template of Go's text/template, ready to be run over data any number of times. */
export interface Template {
  /** What it prints for the data. @throws TemplateError of the phase `execute`. */
  run(data: GoValue | undefined): string;
}

const functionNames: ReadonlySet<string> = new Set(templateFunctions.keys());

/**
 * A template as docker-machine's `--format` takes it, with the functions of Go and `json` and `prettyjson`.
 * @throws TemplateError of the phase `parse`.
 */
export function createTemplate(text: string): Template {
  const parsed = parseTemplate(text, functionNames);
  return { run: (data) => executeTemplate(parsed, data) };
}
