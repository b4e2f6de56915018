import { spawn } from 'node:child_process';
import path from 'node:path';
import { projectRoot, type TestStore } from './cli.ts';

/** A command that is killed. */
export interface RunUntil {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** At this text, in whatever it prints. */
  readonly text: string;
}

/** Runs the program until it says something, and kills it then. Gives all that it printed; it may also have ended by itself. */
export async function runUntil(store: TestStore, { args, env, text }: RunUntil): Promise<string> {
  const child = spawn(process.execPath, [path.join(projectRoot, 'bin', 'tsmachine.js'), ...args], {
    env: { ...process.env, ...env, MACHINE_STORAGE_PATH: store.path },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes(text)) {
        child.kill('SIGKILL');
      }
    });
  }
  await new Promise((resolve) => child.once('close', resolve));
  return said;
}
