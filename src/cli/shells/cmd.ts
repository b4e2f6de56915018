import { hasControlCharacter, hintText, unquotable, type Shell } from './shell.ts';

/** Nothing can take the meaning from these: percent expands everywhere, ! with delayed expansion, ^ and " outside and inside quotes. */
const hopeless = /["%!^]/;
const needsQuotes = /[&|<>()]|^\s|\s$/;

/** `SET K=V`; where the value has an operator, the whole assignment is in quotes. */
export const cmd: Shell = {
  name: 'cmd',
  set: (variable, value) => {
    if (hasControlCharacter(value) || hopeless.test(value)) {
      throw unquotable('cmd', variable, value);
    }
    return needsQuotes.test(value) ? `SET "${variable}=${value}"` : `SET ${variable}=${value}`;
  },
  unset: (variable) => `SET ${variable}=`,
  hint: (commandLine) => [`REM ${hintText}`, `REM \t@FOR /f "tokens=*" %i IN ('${commandLine}') DO @%i`],
};
