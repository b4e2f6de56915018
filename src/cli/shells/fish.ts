import { hasControlCharacter, hintText, unquotable, type Shell } from './shell.ts';

const plain = /^[^"'`$\\!\s]*$/u;

/** `set -gx K "V";` */
export const fish: Shell = {
  name: 'fish',
  set: (variable, value) => {
    if (hasControlCharacter(value)) {
      throw unquotable('fish', variable, value);
    }
    return `set -gx ${variable} ${plain.test(value) ? `"${value}"` : quote(value)};`;
  },
  unset: (variable) => `set -e ${variable};`,
  hint: (commandLine) => [`# ${hintText}`, `# eval (${commandLine})`],
};

/** In single quotes only the quote itself and the backslash need a backslash. */
function quote(value: string): string {
  return `'${value.replace(/['\\]/g, (character) => `\\${character}`)}'`;
}
