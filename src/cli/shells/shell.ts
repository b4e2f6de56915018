import { MachineError } from '../../core/errors.ts';

/** How one shell writes what `env` prints. */
export interface Shell {
  /** As in the texts: `bash`, `fish`. */
  readonly name: string;
  /** A line that sets a variable. @throws MachineError `shell-unquotable`. */
  set(variable: string, value: string): string;
  /** A line that removes a variable. */
  unset(variable: string): string;
  /**
   * Lines, comments to the shell, that say how to evaluate the output.
   * @param commandLine The command line as typed, harmless in a comment.
   * @param facts isPlain: no value needed quoting. isHarmless: the command line has no character that means something to a shell.
   */
  hint(commandLine: string, facts: { readonly isPlain: boolean; readonly isHarmless: boolean }): string[];
}

/** What every hint begins with. The blank at the end is docker-machine's. */
export const hintText = 'Run this command to configure your shell: ';

/** Refuses to write a value. */
export function unquotable(shell: string, variable: string, value: string): MachineError {
  const why = hasControlCharacter(value)
    ? 'it has a line end or another control character'
    : `it has a character that ${shell} cannot take literally`;
  return new MachineError(
    'shell-unquotable',
    `The value of ${variable} cannot be written safely for ${shell}.`,
    {
      why: `${JSON.stringify(value)}: ${why}`,
      facts: { variable, shell },
    },
  );
}

/** True for texts that would end the line of a shell or worse. */
export function hasControlCharacter(text: string): boolean {
  return /[\p{Cc}\u2028\u2029]/u.test(text);
}
