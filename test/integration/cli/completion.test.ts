import { spawnSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import test from 'ava';

const program = join(import.meta.dirname, '../../../../bin/tsmachine.js');

/** What a real shell offers, with the program on PATH and one machine directory `dev` in the store. */
function offers(shell: string, args: readonly string[]): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'tsmachine-completion-'));
  try {
    mkdirSync(join(directory, 'store', 'machines', 'dev'), { recursive: true });
    symlinkSync(program, join(directory, 'tsmachine'));
    const result = spawnSync(shell, args, {
      cwd: directory,
      encoding: 'utf8',
      timeout: 60_000,
      env: {
        HOME: directory,
        LANG: 'C.UTF-8',
        MACHINE_STORAGE_PATH: join(directory, 'store'),
        PATH: [directory, join(process.execPath, '..'), process.env['PATH'] ?? ''].join(delimiter),
      },
    });
    return result.error === undefined ? result.stdout + result.stderr : undefined;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('bash completes commands, machines and flags', (t) => {
  const script = `
    source <(tsmachine completion bash)
    try() { COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _tsmachine; echo "$COMP_CWORD: \${COMPREPLY[*]}"; }
    try tsmachine st
    try tsmachine url ''
    try tsmachine create -d none --u
  `;
  const text = offers('bash', ['--norc', '-c', script]);
  if (text === undefined) {
    t.log('skipped: needs bash');
  }
  t.is(text ?? '1: start status stop\n2: dev\n4: --url\n', '1: start status stop\n2: dev\n4: --url\n');
});

test('fish completes commands and machines', (t) => {
  const script =
    'tsmachine completion fish | source; complete -C "tsmachine st"; complete -C "tsmachine url "';
  const text = offers('fish', ['--no-config', '-c', script]);
  if (text === undefined) {
    t.log('skipped: needs fish');
  }
  t.is(text ?? 'start\nstatus\nstop\ndev\n', 'start\nstatus\nstop\ndev\n');
});
