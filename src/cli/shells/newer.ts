import { hasControlCharacter, hintText, unquotable, type Shell } from './shell.ts';

/** A text in double quotes with a backslash before quotes and backslashes, as nu and xonsh (Python) read it. */
function doubleQuoted(shell: string, variable: string, value: string): string {
  if (hasControlCharacter(value)) {
    throw unquotable(shell, variable, value);
  }
  return `"${value.replace(/["\\]/g, (character) => `\\${character}`)}"`;
}

/** `$env.K = "V"`. nu evaluates no text, so the hint shows the way over JSON. */
export const nu: Shell = {
  name: 'nu',
  set: (variable, value) => `$env.${variable} = ${doubleQuoted('nu', variable, value)}`,
  unset: (variable) => `hide-env --ignore-errors ${variable}`,
  hint: (commandLine) => [`# ${hintText}`, `# ${commandLine} --json | from json | load-env`],
};

/** `set-env K 'V'` */
export const elvish: Shell = {
  name: 'elvish',
  set: (variable, value) => {
    if (hasControlCharacter(value)) {
      throw unquotable('elvish', variable, value);
    }
    return `set-env ${variable} '${value.replaceAll("'", "''")}'`;
  },
  unset: (variable) => `unset-env ${variable}`,
  hint: (commandLine) => [`# ${hintText}`, `# eval (${commandLine} | slurp)`],
};

/** `$K = "V"` */
export const xonsh: Shell = {
  name: 'xonsh',
  set: (variable, value) => `$${variable} = ${doubleQuoted('xonsh', variable, value)}`,
  unset: (variable) => `\${...}.pop("${variable}", None)`,
  hint: (commandLine) => [`# ${hintText}`, `# execx($(${commandLine}))`],
};
