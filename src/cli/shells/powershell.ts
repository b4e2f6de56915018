import { hasControlCharacter, hintText, unquotable, type Shell } from './shell.ts';

/** PowerShell takes typographic quotes for quotes. */
const plain = /^[^"`$'\u2018-\u201f\s]*$/u;
const singleQuotes = /['\u2018-\u201b]/gu;

/** `$Env:K = "V"`, for Windows PowerShell and for PowerShell 6 and later. */
export function createPowerShell(name: 'powershell' | 'pwsh'): Shell {
  return {
    name,
    set: (variable, value) => {
      if (hasControlCharacter(value)) {
        throw unquotable(name, variable, value);
      }
      return `$Env:${variable} = ${plain.test(value) ? `"${value}"` : quote(value)}`;
    },
    unset: (variable) => `Remove-Item Env:\\\\${variable}`,
    hint: (commandLine) => [`# ${hintText}`, `# & ${commandLine} | Invoke-Expression`],
  };
}

function quote(value: string): string {
  return `'${value.replace(singleQuotes, (character) => character + character)}'`;
}
