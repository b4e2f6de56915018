import { hasControlCharacter, hintText, unquotable, type Shell } from './shell.ts';

/** Values without these keep docker-machine's form, because its clients match it. */
const plain = /^[^"'`$\\!\s*?[\]]*$/u;

/** `export K="V"` for bash, zsh, sh and every shell that nobody knows better. */
export function createPosixShell(name: string): Shell {
  // `eval $(... env)` without quotes splits the output at blanks and expands file name patterns in it. bash and zsh can
  // write such characters as numbers; a plain sh cannot, so there the hint asks for quotes around $(...).
  const canEscape = name === 'bash' || name === 'zsh';
  return {
    name,
    set: (variable, value) => {
      if (hasControlCharacter(value)) {
        throw unquotable(name, variable, value);
      }
      if (plain.test(value)) {
        return `export ${variable}="${value}"`;
      }
      const isSplitSafe = !/[*?[\]\\]| {2}|^ | $/.test(value);
      return `export ${variable}=${canEscape && !isSplitSafe ? quoteAsNumbers(value) : quote(value)}`;
    },
    unset: (variable) => `unset ${variable}`,
    hint: (commandLine, { isPlain }) => [
      `# ${hintText}`,
      isPlain ? `# eval $(${commandLine})` : `# eval "$(${commandLine})"`,
    ],
  };
}

function quote(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}

/** $'...' with everything octal that a shell could look at. Letters of other languages stay. */
function quoteAsNumbers(value: string): string {
  const escaped = value.replace(
    /[^\w/.,:@%+=\u{80}-\u{10ffff}-]/gu,
    (character) => `\\${(character.codePointAt(0) ?? 0).toString(8).padStart(3, '0')}`,
  );
  return `$'${escaped}'`;
}
