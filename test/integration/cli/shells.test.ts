import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { isMachineError } from '../../../src/core/errors.ts';
import { loadShell } from '../../../src/cli/shells/table.ts';
import type { Shell } from '../../../src/cli/shells/shell.ts';
import { hostile, isInstalled, realShells, values, type RealShell } from './real-shells.ts';

/** Besides those that are hostile on purpose. */
const valueCount = 500;

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
      const shell = await loadShell(form);
      if (!isInstalled(real) || shell === undefined) {
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
