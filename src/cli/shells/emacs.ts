import { hasControlCharacter, hintText, unquotable, type Shell } from './shell.ts';

/** `(setenv "K" "V")` for Emacs Lisp. */
export const emacs: Shell = {
  name: 'emacs',
  set: (variable, value) => {
    if (hasControlCharacter(value)) {
      throw unquotable('emacs', variable, value);
    }
    return `(setenv "${variable}" "${value.replace(/["\\]/g, (character) => `\\${character}`)}")`;
  },
  unset: (variable) => `(setenv "${variable}" nil)`,
  hint: (commandLine) => [
    `;; ${hintText}`,
    `;; (with-temp-buffer (shell-command "${commandLine}" (current-buffer)) (eval-buffer))`,
  ],
};
