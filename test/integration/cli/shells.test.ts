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
  /** Before the name of a script. */
  readonly args: readonly string[];
  /** Forms of --shell whose output it reads. */
  readonly forms: readonly string[];
  readonly evaluate: string;
}

const quoted = 'eval "$(cat OUT)"';
const unquoted = 'eval $(cat OUT)';

const realShells: readonly RealShell[] = [
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

/** Besides those. */
const valueCount = 500;

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

/** Values, each with the lines that set it, or undefined when it was refused. */
function linesFor(shell: Shell, value: string, index: number): string | undefined {
  try {
    const hint = shell.hint('tsmachine env default', { isPlain: false, isHarmless: true });
    return [shell.set('X', value), shell.set('Y', `end ${index}`), ...hint].join('\n');
  } catch (error) {
    if (isMachineError(error) && error.code === 'shell-unquotable') {
      return undefined;
    }
    throw error;
  }
}

/** What a child of the shell sees in X and Y after each evaluation, a line each, all in one process of the shell. */
function evaluateIn(real: RealShell, outputs: readonly string[]): { seen: string[]; made: string[] } {
  const directory = mkdtempSync(join(tmpdir(), 'tsmachine-shell-'));
  try {
    const script = outputs.flatMap((text, index) => {
      writeFileSync(join(directory, `OUT${index}`), `${text}\n`);
      return [real.evaluate.replace('OUT', `OUT${index}`), 'printenv X', 'printenv Y'];
    });
    writeFileSync(join(directory, 'OUT.ps1'), `${script.join('\n')}\n`);
    const { stdout } = spawnSync(real.program, [...real.args, 'OUT.ps1'], {
      cwd: directory,
      encoding: 'utf8',
      timeout: 120_000,
      maxBuffer: 64 * 1024 * 1024,
      env: { PATH: process.env['PATH'] ?? '', HOME: directory, LANG: 'C.UTF-8' },
    });
    const made = readdirSync(directory).filter((name) => !name.startsWith('OUT') && !name.startsWith('.'));
    return { seen: stdout.split('\n'), made };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

for (const real of realShells) {
  for (const form of real.forms) {
    test.serial(`${real.program} reads the lines for ${form} back: ${real.evaluate}`, async (t) => {
      const isThere =
        spawnSync(real.program, [...real.args, '/dev/null'], { timeout: 20_000 }).error === undefined;
      const shell = await loadShell(form);
      if (!isThere || shell === undefined) {
        t.log(`skipped: needs ${real.program}`);
        t.pass();
        return;
      }
      t.timeout(150_000);
      const wanted = [...hostile, ...fc.sample(values, { numRuns: valueCount, seed: 20 })];
      const kept: string[] = [];
      const outputs: string[] = [];
      for (const value of wanted) {
        const lines = linesFor(shell, value, kept.length);
        if (lines !== undefined) {
          kept.push(value);
          outputs.push(lines);
        }
      }
      const { seen, made } = evaluateIn(real, outputs);
      t.deepEqual(made, []);
      const wrong = kept.filter(
        (value, index) => seen[2 * index] !== value || seen[2 * index + 1] !== `end ${index}`,
      );
      t.deepEqual(wrong.slice(0, 1), []);
      t.true(kept.length > wanted.length / 5);
      t.log(`${kept.length} values came back, ${wanted.length - kept.length} were refused`);
    });
  }
}
