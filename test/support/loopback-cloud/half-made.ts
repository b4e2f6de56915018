import { spawn } from 'node:child_process';
import path from 'node:path';
import { projectRoot, type TestStore } from '../cli.ts';

/**
 * Lets `create` make everything that is the driver's, and kills it when it waits for SSH: behind the instances of the test
 * there is no server.
 * @param args behind `create`, with the name
 * @returns what it said.
 */
export async function createUntilSsh(
  store: TestStore,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  return untilSsh(store, ['create', ...args], env);
}

/** The same for `adopt`: then the machine is in the store, with everything that `rm` needs. */
export async function adoptUntilSsh(
  store: TestStore,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  return untilSsh(store, ['adopt', ...args], env);
}

async function untilSsh(
  store: TestStore,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const command = [path.join(projectRoot, 'bin', 'tsmachine.js'), ...args];
  const child = spawn(process.execPath, command, {
    env: { ...process.env, ...env, MACHINE_STORAGE_PATH: store.path },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (said.includes('Waiting for SSH')) {
      child.kill('SIGKILL');
    }
  });
  await new Promise((resolve) => child.once('close', resolve));
  if (!said.includes('Waiting for SSH')) {
    throw new Error(`${args[0] ?? ''} did not come so far: ${said}`);
  }
  return said;
}
