import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Root of the checkout. */
export const projectRoot = path.join(import.meta.dirname, '..', '..');

/** One run of a Node program as a whole process. */
export interface Run {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly maxRssMib: number;
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Lines of the standard error with the milliseconds from the start of the process to their arrival. */
  readonly lines: readonly { readonly text: string; readonly atMs: number }[];
}

/** A program to run: arguments of node, and its environment beyond this process'. */
export interface Program {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const usageHook = path.join(projectRoot, 'bench', 'usage.cjs');

/** Runs node once and measures it from outside (wall) and by the operating system's accounting (CPU, memory). */
export function runNode(program: Program): Promise<Run> {
  const directory = mkdtempSync(path.join(tmpdir(), 'tsm-bench-'));
  const usageFile = path.join(directory, 'usage.json');
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(process.execPath, ['--require', usageHook, ...program.args], {
      env: { ...process.env, ...program.env, BENCH_USAGE: usageFile },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    const lines: { text: string; atMs: number }[] = [];
    child.stderr.on('data', (chunk: Buffer) => {
      err.push(chunk);
      const atMs = performance.now() - started;
      lines.push(
        ...chunk
          .toString()
          .split('\n')
          .map((text) => ({ text, atMs })),
      );
    });
    child.on('error', reject);
    child.on('close', (exitCode) => {
      const wallMs = performance.now() - started;
      const usage = JSON.parse(readFileSync(usageFile, 'utf8')) as { cpuUs: number; maxRssKib: number };
      rmSync(directory, { recursive: true });
      resolve({
        wallMs,
        cpuMs: usage.cpuUs / 1000,
        maxRssMib: usage.maxRssKib / 1024,
        exitCode,
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
        lines,
      });
    });
  });
}

/** Median of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** What a program uses beyond bare Node, both run in turn so that the machine's mood hits both. */
export interface Paired {
  readonly bareCpuMs: number;
  readonly cpuMs: number;
  /** Median of the differences of neighbouring runs. */
  readonly overBareMs: number;
  readonly ratio: number;
  readonly runs: number;
}

/** Runs a program and bare Node in turn. @throws Error when the program fails. */
export async function pairWithBare(program: Program, runs: number): Promise<Paired> {
  const bare: number[] = [];
  const own: number[] = [];
  for (let index = 0; index <= runs; index += 1) {
    const first = await runNode({ args: ['-e', '0'] });
    const second = await runNode(program);
    if (second.exitCode !== 0) {
      throw new Error(`${program.args.join(' ')} ended with ${String(second.exitCode)}: ${second.stderr}`);
    }
    // The first pair warms the page cache and does not count.
    if (index > 0) {
      bare.push(first.cpuMs);
      own.push(second.cpuMs);
    }
  }
  const overBareMs = median(own.map((value, index) => value - (bare[index] ?? 0)));
  return {
    bareCpuMs: median(bare),
    cpuMs: median(own),
    overBareMs,
    ratio: median(own) / median(bare),
    runs,
  };
}

/** A row of the result: what was measured, in which unit, and the budget it is held against. */
export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Not more than this. */
  readonly budget?: number;
  readonly atLeast?: number;
  readonly detail?: string;
}
