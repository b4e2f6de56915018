import { cp, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { machinesLeft, makeStore, run, type Outcome, type TestStore } from '../support/cli.ts';
import { readEnv } from '../support/docker-client.ts';

// A store with a template, for the tests of one file.

/** All but the name of the machine. */
export const create = ['create', '-d', 'qemu', '--memory', '768'];
const world: { store?: TestStore; backup?: string } = {};

/** The store of this file's tests. */
export function store(): TestStore {
  return world.store as TestStore;
}

/** Where the driver keeps its templates. */
export function cache(): string {
  return path.join(store().path, 'cache', 'drivers', 'qemu');
}

/** Names of the templates that are there. */
export async function templates(): Promise<string[]> {
  const names = await readdir(cache()).catch(() => []);
  return names.filter((name) => /^[0-9a-f]{32}$/.test(name));
}

/** Directory of the only template. */
export async function theTemplate(): Promise<string> {
  const [name = ''] = await templates();
  return path.join(cache(), name);
}

/** What a program said, which has ended well. */
export async function ok(t: ExecutionContext, outcome: Promise<Outcome>): Promise<Outcome> {
  const found = await outcome;
  t.is(found.code, 0, `${found.stdout}\n${found.stderr}`);
  return found;
}

/** What a command said, which has ended well. */
export const tsmachine = (t: ExecutionContext, ...args: string[]): Promise<Outcome> =>
  ok(t, store().tsmachine(args));
/** The machine went on from a template that was there. */
export const isResumed = ({ stderr }: Outcome): boolean =>
  / resumed after /.test(stderr) && !/ stage2 after /.test(stderr);
/** The machine was booted, and nothing else. */
export const isBooted = ({ stderr }: Outcome): boolean =>
  / stage2 after /.test(stderr) && !/ template after /.test(stderr);

/** Output of a command in a machine. */
export async function shell(t: ExecutionContext, name: string, command: string): Promise<string> {
  return (await tsmachine(t, 'ssh', name, command)).stdout.trim();
}

/** Output of the docker client that talks to a machine. */
export async function docker(t: ExecutionContext, name: string, ...args: string[]): Promise<string> {
  return (await ok(t, run('docker', args, { env: await readEnv(store(), name) }))).stdout.trim();
}

/** Removes every machine and sees to it that nothing is left of them. */
export async function removeAll(t: ExecutionContext): Promise<void> {
  const names = (await store().tsmachine(['ls', '-q'])).stdout.split('\n').filter((name) => name !== '');
  // A create that was killed before it had a machine has left its lock, which any rm sweeps up.
  await tsmachine(t, 'rm', '-y', ...(names.length > 0 ? names : ['--force', 'nobody']));
  t.deepEqual(await machinesLeft(store()), [], 'no file and no lock is left');
}

/** Puts the whole template back, as a test before may have damaged or removed it. */
export async function restoreTemplate(): Promise<void> {
  await rm(cache(), { recursive: true, force: true });
  await cp(world.backup ?? '', cache(), { recursive: true, preserveTimestamps: true });
}

/** Makes the store and its first machine, called "first", and keeps a copy of the template. */
export async function setUp(t: ExecutionContext): Promise<Outcome> {
  world.store = await makeStore({ sharesTemplates: 'small' });
  const first = await tsmachine(t, ...create, 'first');
  t.is((await templates()).length, 1);
  world.backup = `${store().path}-backup`;
  await cp(cache(), world.backup, { recursive: true, preserveTimestamps: true });
  return first;
}

/** Removes all of it. */
export async function tearDown(): Promise<void> {
  await world.store?.dispose();
  await rm(world.backup ?? '', { recursive: true, force: true });
}
