/** Whether a template could not be parsed, or failed on its data. */
export type TemplatePhase = 'parse' | 'execute';

/**
 * A template that does not work. The message is that of Go's text/template, with line and column as Go counts them:
 * `template: :1:2: executing "" at <.Nope>: can't evaluate field Nope in type …`.
 */
export class TemplateError extends Error {
  readonly phase: TemplatePhase;
  /** What was printed before it failed. */
  output = '';

  constructor(phase: TemplatePhase, message: string) {
    super(message);
    this.name = 'TemplateError';
    this.phase = phase;
  }
}

/** Thrown by functions of templates; becomes `error calling NAME: …` of a TemplateError. */
export class FunctionError extends Error {}
