import { spawnSync } from 'node:child_process';
import fc from 'fast-check';

/** A real shell, and how it evaluates the output of `env`, which lies in the file OUT. */
export interface RealShell {
  readonly program: string;
  /** Before the name of a script. */
  readonly args: readonly string[];
  /** Forms of --shell whose output it reads. */
  readonly forms: readonly string[];
  readonly evaluate: string;
}

const quoted = 'eval "$(cat OUT)"';
const unquoted = 'eval $(cat OUT)';

export const realShells: readonly RealShell[] = [
  { program: 'bash', args: ['--norc'], forms: ['bash', 'sh'], evaluate: quoted },
  { program: 'bash', args: ['--norc'], forms: ['bash'], evaluate: unquoted },
  { program: 'dash', args: [], forms: ['sh'], evaluate: quoted },
  { program: 'busybox', args: ['sh'], forms: ['sh'], evaluate: quoted },
  { program: 'zsh', args: ['-f'], forms: ['zsh', 'sh'], evaluate: quoted },
  { program: 'zsh', args: ['-f'], forms: ['zsh'], evaluate: unquoted },
  { program: 'fish', args: ['--no-config'], forms: ['fish'], evaluate: 'eval (cat OUT)' },
  { program: 'tcsh', args: ['-f'], forms: ['tcsh'], evaluate: 'eval `cat OUT`' },
  {
    program: 'pwsh',
    args: ['-NoProfile', '-File'],
    forms: ['pwsh'],
    evaluate: 'Get-Content OUT | Invoke-Expression',
  },
];

/** Texts that have run a command, or lost something, in some shell. */
export const hostile = [
  'plain',
  '/home/ann/.docker/machine/machines/default',
  '/Users/Jo Doe/.docker',
  '$(touch PWNED)',
  '`touch PWNED`',
  '${IFS}',
  '"; touch PWNED; "',
  "'; touch PWNED; '",
  "'; touch PWNED #",
  '\\',
  'a\\',
  "\\'",
  'a!b',
  '!!',
  '#a',
  'a #b',
  'a  b',
  ' a ',
  '*',
  '[a]*?',
  '~root',
  '{a,b}',
  '$HOME',
  '%PATH%',
  '&touch PWNED&',
  '|touch PWNED',
  '>PWNED',
  '(touch PWNED)',
  'jürgen/文件/😀',
  'a=b;c',
  '“a”‘b’',
  "$'a'",
  '^a^b',
];

const fragments = fc.oneof(
  fc.constantFrom(
    '$(touch PWNED)',
    '`touch PWNED`',
    "'",
    '"',
    '\\',
    '$',
    '!',
    ' ',
    ';',
    '&',
    '|',
    '#',
    '~',
    '*',
    '{',
    '}',
    '%',
  ),
  fc.string({ unit: 'grapheme-ascii', maxLength: 6 }),
  fc.string({ unit: 'binary', maxLength: 3 }),
);
/** Those, and many more. */
export const values = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...hostile) },
  { weight: 3, arbitrary: fc.array(fragments, { maxLength: 6 }).map((parts) => parts.join('')) },
);

/** Whether a shell is installed here. */
export function isInstalled({ program, args }: RealShell): boolean {
  return spawnSync(program, [...args, '/dev/null'], { timeout: 20_000 }).error === undefined;
}
