import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TestStore } from '../cli.ts';
import { runUntil } from '../run-until.ts';

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

/** Lets a machine whose driver was done be taken for one that is complete. */
export async function finishRecord(store: TestStore, name: string): Promise<void> {
  const file = path.join(store.path, 'machines', name, 'tsmachine.json');
  const own = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  await writeFile(file, JSON.stringify({ ...own, phase: 'ready' }));
}

async function untilSsh(
  store: TestStore,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const text = 'Waiting for SSH';
  const said = await runUntil(store, { args, env, text });
  if (!said.includes(text)) {
    throw new Error(`${args[0] ?? ''} did not come so far: ${said}`);
  }
  return said;
}
