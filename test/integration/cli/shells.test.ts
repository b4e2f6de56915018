import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { isMachineError } from '../../../src/core/errors.ts';
import { loadShell } from '../../../src/cli/shells/table.ts';
import type { Shell } from '../../../src/cli/shells/shell.ts';

/** A real shell, and how it evaluates the output of `env`, which lies in the file OUT. */
interface RealShell {
  readonly program: string;
  readonly args: readonly string[];
  /** Forms of --shell whose output it reads. */
  readonly forms: readonly string[];
  readonly evaluate: string;
}

const print = '"$NODE" -e "process.stdout.write(process.env.X + String.fromCharCode(10) + process.env.Y)"';

const realShells: readonly RealShell[] = [
  { program: 'bash', args: ['--norc', '-c'], forms: ['bash', 'sh'], evaluate: `eval "$(cat OUT)"; ${print}` },
  { program: 'bash', args: ['--norc', '-c'], forms: ['bash'], evaluate: `eval $(cat OUT); ${print}` },
  { program: 'dash', args: ['-c'], forms: ['sh'], evaluate: `eval "$(cat OUT)"; ${print}` },
  { program: 'zsh', args: ['-f', '-c'], forms: ['zsh', 'sh'], evaluate: `eval "$(cat OUT)"; ${print}` },
  { program: 'zsh', args: ['-f', '-c'], forms: ['zsh'], evaluate: `eval $(cat OUT); ${print}` },
  { program: 'fish', args: ['--no-config', '-c'], forms: ['fish'], evaluate: `eval (cat OUT); ${print}` },
  { program: 'tcsh', args: ['-f', '-c'], forms: ['tcsh'], evaluate: `eval \`cat OUT\`; ${print}` },
  {
    program: 'pwsh',
    args: ['-NoProfile', '-Command'],
    forms: ['pwsh'],
    evaluate: `Get-Content OUT | Invoke-Expression; & ${print}`,
  },
];

/** Texts that have run a command, or lost something, in some shell. */
const hostile = [
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
const values = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...hostile) },
  { weight: 3, arbitrary: fc.array(fragments, { maxLength: 6 }).map((parts) => parts.join('')) },
);

/** What the shell has in X and Y afterwards; undefined when the value was refused. */
function evaluateIn(real: RealShell, shell: Shell, value: string): string | undefined {
  let lines: string[];
  try {
    const hint = shell.hint('tsmachine env default', { isPlain: false, isHarmless: true });
    lines = [shell.set('X', value), shell.set('Y', 'end'), ...hint.slice(0, 1)];
  } catch (error) {
    if (isMachineError(error) && error.code === 'shell-unquotable') {
      return undefined;
    }
    throw error;
  }
  const directory = mkdtempSync(join(tmpdir(), 'tsmachine-shell-'));
  try {
    writeFileSync(join(directory, 'OUT'), `${lines.join('\n')}\n`);
    const result = spawnSync(real.program, [...real.args, real.evaluate], {
      cwd: directory,
      encoding: 'utf8',
      timeout: 20_000,
      env: { PATH: process.env['PATH'] ?? '', HOME: directory, LANG: 'C.UTF-8', NODE: process.execPath },
    });
    const made = readdirSync(directory).filter((name) => name !== 'OUT' && !name.startsWith('.'));
    return made.length === 0 ? result.stdout : `${result.stdout} and the files ${made.join(' ')}`;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

for (const real of realShells) {
  for (const form of real.forms) {
    test.serial(
      `${real.program} reads the lines for ${form} back: ${real.evaluate.split(';')[0] ?? ''}`,
      async (t) => {
        const isThere = spawnSync(real.program, ['-c', 'exit 0'], { timeout: 20_000 }).error === undefined;
        const shell = await loadShell(form);
        if (!isThere || shell === undefined) {
          t.log(`skipped: needs ${real.program}`);
          t.pass();
          return;
        }
        t.timeout(300_000);
        let refused = 0;
        const check = (value: string): void => {
          const found = evaluateIn(real, shell, value);
          if (found === undefined) {
            refused += 1;
          } else if (found !== `${value}\nend`) {
            throw new Error(`${JSON.stringify(value)} came back as ${JSON.stringify(found)}`);
          }
        };
        for (const value of hostile) {
          t.notThrows(() => {
            check(value);
          });
        }
        // A shell and a node for each value: the seed is fixed and the number small.
        fc.assert(fc.property(values, check), { numRuns: 40, seed: 20, endOnFailure: true });
        t.log(`${refused} values were refused`);
      },
    );
  }
}
