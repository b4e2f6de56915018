import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { findProgram, projectRoot } from './cli.ts';

/**
 * Builds a program of test/fixtures with Go's standard library alone, into a temporary directory that goes with this
 * process. Without Go the test says that it was skipped, and passes.
 * @param name the directory in test/fixtures
 * @returns the path of the program, or undefined when the test is to end.
 */
export function buildGoProgram(t: ExecutionContext, name: string): string | undefined {
  const go = findProgram('go', '/usr/lib/go/bin/go', '/usr/local/go/bin/go');
  if (go === undefined) {
    t.log('skipped: needs go');
    t.pass();
    return undefined;
  }
  const known = built.get(name);
  if (known !== undefined) {
    return known;
  }
  const program = path.join(directoryOfRun(), name);
  const source = path.join(projectRoot, 'test', 'fixtures', name);
  const env = { ...process.env, GO111MODULE: 'off', GOFLAGS: '', GOPROXY: 'off', CGO_ENABLED: '0' };
  const result = spawnSync(go, ['build', '-o', program, '.'], { cwd: source, encoding: 'utf8', env });
  if (result.status !== 0) {
    throw new Error(`go build of ${source} failed: ${result.stderr}`);
  }
  built.set(name, program);
  return program;
}

const built = new Map<string, string>();
let directory: string | undefined;

function directoryOfRun(): string {
  if (directory === undefined) {
    const made = mkdtempSync(path.join(tmpdir(), 'tsm-go-'));
    process.once('exit', () => {
      rmSync(made, { recursive: true, force: true });
    });
    directory = made;
  }
  return directory;
}
