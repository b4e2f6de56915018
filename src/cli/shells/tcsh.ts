import { hasControlCharacter, hintText, unquotable, type Shell } from './shell.ts';

const plain = /^[^"'`$\\!\s*?[\]{}]*$/u;
/**
 * The output of backticks is split at blanks and its words are expanded as file name patterns, quotes or not:
 * such characters cannot be kept.
 */
const hopeless = /[*?[\]{}]| {2}|^ | $/;

/** `setenv K "V";` */
export const tcsh: Shell = {
  name: 'tcsh',
  set: (variable, value) => {
    if (hasControlCharacter(value) || hopeless.test(value)) {
      throw unquotable('tcsh', variable, value);
    }
    return `setenv ${variable} ${plain.test(value) ? `"${value}"` : quote(value)};`;
  },
  unset: (variable) => `unsetenv ${variable};`,
  // The hint is an argument of the null command, in which backticks run: nothing doubtful may stand in it.
  hint: (commandLine, { isHarmless }) => (isHarmless ? [`: ${hintText}`, `: eval \`${commandLine}\``] : []),
};

/** The history sign means something even in single quotes. */
function quote(value: string): string {
  return `'${value.replace(/['!]/g, (character) => `'\\${character}'`)}'`;
}
