import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { leaveTemplates, takeTemplates, type TemplateKind } from './shared-templates.ts';

/** Root of the checkout. */
export const projectRoot = path.join(import.meta.dirname, '..', '..', '..');

/** What a program left behind; `signal` when it was killed. */
export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a program. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  readonly timeoutMs?: number;
  readonly cwd?: string;
}

/** Runs a program to its end; a time-out kills it and rejects with what it had said. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, [...args], {
      env: { ...process.env, ...options.env },
      stdio: 'pipe',
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    const texts = (): { stdout: string; stderr: string } => ({
      stdout: Buffer.concat(out).toString(),
      stderr: Buffer.concat(err).toString(),
    });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      const { stdout, stderr } = texts();
      reject(new Error(`${file} ${args.join(' ')} took too long\n${stdout}\n${stderr}`));
    }, options.timeoutMs ?? 240_000);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, ...texts() });
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

/** A store of a test's own, and the program that works on it. */
export interface TestStore {
  readonly path: string;
  tsmachine(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Removes every machine and the store. */
  dispose(): Promise<void>;
}

/**
 * Makes an empty store in a temporary directory.
 * @param sharesTemplates gives and takes templates of a kind of machine to and from other tests of the run
 */
export async function makeStore(
  options: { readonly sharesTemplates?: TemplateKind } = {},
): Promise<TestStore> {
  const home = await mkdtemp(path.join(tmpdir(), 'tsm-'));
  const store = path.join(home, 'store');
  const kind = options.sharesTemplates;
  if (kind !== undefined) {
    await takeTemplates(store, kind);
  }
  const tsmachine: TestStore['tsmachine'] = (args, options = {}) =>
    run(process.execPath, [path.join(projectRoot, 'bin', 'tsmachine.js'), ...args], {
      ...options,
      env: {
        MACHINE_STORAGE_PATH: store,
        DOCKER_CONFIG: path.join(home, 'docker'),
        DOCKER_HOST: '',
        TSMACHINE_DRIVERS: path.join(home, 'drivers'),
        ...options.env,
      },
    });
  return {
    path: store,
    tsmachine,
    dispose: async () => {
      const names = (await tsmachine(['ls', '-q'])).stdout.split('\n').filter((name) => name !== '');
      if (names.length > 0) {
        await tsmachine(['rm', '-f', '-y', ...names]);
      }
      if (kind !== undefined) {
        await leaveTemplates(store, kind);
      }
      await rm(home, { recursive: true, force: true });
    },
  };
}

/**
 * Names of what is left of machines in a store, locks included. A background agent that was just starting has up to ten
 * seconds to find no machine any more, and to take its lock away.
 */
export async function machinesLeft(store: TestStore): Promise<string[]> {
  const left = async (): Promise<string[]> => readdir(path.join(store.path, 'machines'));
  for (let times = 0; times < 100 && (await left()).length > 0; times += 1) {
    await sleep(100);
  }
  return left();
}

/** The first of these programs that is installed. */
export function findProgram(...candidates: readonly string[]): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(path.delimiter);
  for (const candidate of candidates) {
    const found = candidate.includes('/')
      ? [candidate].find((file) => existsSync(file))
      : directories.map((directory) => path.join(directory, candidate)).find((file) => existsSync(file));
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/** True when no process with this pid runs; one that has ended and that nobody has waited for counts as gone. */
export async function isGone(pid: string): Promise<boolean> {
  if (process.platform !== 'linux') {
    try {
      process.kill(Number(pid), 0);
      return false;
    } catch {
      return true;
    }
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat === '' || stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
}
