/**
 * Runs the named suites one after the other and ends with one line that counts everything:
 * `N passed, N failed, N skipped`. A test that finds a prerequisite missing logs `skipped: REASON` and
 * passes; it is counted and named as skipped here.
 *
 * Usage: node dist/test/run.js [--match GLOB] SUITE ...   with SUITE one of unit, integration, conformance, e2e
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import path from 'node:path';
import process from 'node:process';

interface Tally {
  passed: number;
  failed: number;
  skipped: string[];
}

interface TapTest {
  readonly ok: boolean;
  readonly title: string;
  readonly declaredSkip: boolean;
  readonly details: string[];
}

const root = path.join(import.meta.dirname, '..', '..');

function runSuite(suite: string, tally: Tally): Promise<void> {
  const ava = path.join(root, 'node_modules', 'ava', 'entrypoints', 'cli.mjs');
  const child = spawn(process.execPath, [ava, '--tap'], {
    cwd: root,
    env: { ...process.env, SUITE: suite, TSMACHINE_TEST_TEMPLATES: templates },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let current: TapTest | undefined;
  let seen = 0;
  const finish = (): void => {
    if (current !== undefined) {
      seen += 1;
      report(suite, current, tally);
    }
    current = undefined;
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    const match = /^(not )?ok \d+ - (.*?)(?: # (SKIP|TODO).*)?$/.exec(line);
    if (match !== null) {
      finish();
      current = {
        ok: match[1] === undefined,
        title: match[2] ?? '',
        declaredSkip: match[3] !== undefined,
        details: [],
      };
    } else {
      current?.details.push(line);
    }
  });
  return new Promise((resolve) => {
    child.on('close', (code) => {
      finish();
      if (seen === 0 || (code !== 0 && tally.failed === 0)) {
        // A file that crashed before its first test leaves no test line.
        tally.failed += 1;
        console.log(`FAILED ${suite}: the suite ended with ${String(code)} after ${seen} tests`);
      }
      resolve();
    });
  });
}

function report(suite: string, test: TapTest, tally: Tally): void {
  const reason = test.details
    .map((line) => /^#\s+skipped: (.*)$/.exec(line)?.[1])
    .find((found) => found !== undefined);
  if (!test.ok) {
    tally.failed += 1;
    console.log(`FAILED ${suite}: ${test.title}\n${test.details.join('\n')}`);
  } else if (test.declaredSkip || reason !== undefined) {
    tally.skipped.push(`${suite}: ${test.title}: ${reason ?? 'switched off'}`);
    console.log(`skipped ${suite}: ${test.title}: ${reason ?? 'switched off'}`);
  } else {
    tally.passed += 1;
    console.log(`ok ${suite}: ${test.title}`);
  }
}

// Outside the stores, which come and go.
const templates = mkdtempSync(path.join(tmpdir(), 'tsm-templates-'));
const tally: Tally = { passed: 0, failed: 0, skipped: [] };
for (const suite of process.argv.slice(2)) {
  const started = Date.now();
  await runSuite(suite, tally);
  console.log(`-- ${suite}: ${Math.round((Date.now() - started) / 1000)} s`);
}
if (tally.skipped.length > 0) {
  console.log(`\nSkipped:\n${tally.skipped.map((line) => `  ${line}`).join('\n')}`);
}
console.log(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped.length} skipped`);
rmSync(templates, { recursive: true, force: true });
process.exitCode = tally.failed === 0 ? 0 : 1;
