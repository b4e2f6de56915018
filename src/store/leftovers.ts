import type { Host } from '../host/types.ts';
import { readLockOwner, withLock } from './lock.ts';
import { draftDirectory, joinPath, machineLockPath, removedDirectory, storeDirectories } from './paths.ts';

/** `.NAME.lock`, `.NAME.agent-lock`, also of a guard: `.NAME.lock.g`. */
const lockFile = /^\..+\.(?:agent-)?lock(?:\.g)*$/;
/** What a process makes a lock of: `.NAME.lock.tmp-PID-TOKEN`. */
const lockTemporary = /^\..+\.(?:agent-)?lock(?:\.g)*\.tmp-(\d{1,10})-[0-9a-f]+$/;
/** Directories that are on their way into the store or out of it. */
const halfWay = /^\.(.+)\.(?:new|removed)$/;
/** Somebody who took the lock of a dead owner in the same moment cleans up as well as we would. */
const lockTimeoutMs = 500;

/** Something that a killed process left. */
interface Leftover {
  readonly path: string;
  remove(): Promise<void>;
}

/**
 * Removes what killed processes left beside the machines: locks, what locks are made of, and directories of machines that
 * were never reserved or are removed already. What a process that lives has in use stays. Machines are not touched.
 * Never throws for a leftover that cannot be removed: it is in nobody's way.
 */
export async function sweepLeftovers(host: Host, storePath: string): Promise<void> {
  for await (const leftover of leftovers(host, storePath)) {
    await leftover.remove().catch(() => undefined);
  }
}

/** Absolute paths of what sweepLeftovers would remove. */
export async function listLeftovers(host: Host, storePath: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of leftovers(host, storePath)) {
    paths.push(path);
  }
  return paths;
}

async function* leftovers(host: Host, storePath: string): AsyncGenerator<Leftover> {
  const machines = joinPath(storePath, storeDirectories.machines);
  for (const directory of [storePath, machines]) {
    const entries = await host.files.list(directory).catch(() => []);
    for (const { name } of entries.filter((entry) => entry.name.startsWith('.'))) {
      const found = await leftoverAt(host, { storePath, directory, name }).catch(() => undefined);
      if (found !== undefined) {
        yield found;
      }
    }
  }
}

async function leftoverAt(
  host: Host,
  { storePath, directory, name }: Readonly<Record<'storePath' | 'directory' | 'name', string>>,
): Promise<Leftover | undefined> {
  const path = joinPath(directory, name);
  const maker = Number(lockTemporary.exec(name)?.[1] ?? 0);
  const machine = halfWay.exec(name)?.[1];
  if (maker > 0) {
    const isAlive = (await host.processes.identify(maker)) !== undefined;
    return isAlive ? undefined : { path, remove: async () => host.files.remove(path) };
  }
  if (lockFile.test(name)) {
    const owner = await readLockOwner(host, path);
    // One that was released by now needs nothing.
    return owner === undefined || (await host.processes.isAlive(owner))
      ? undefined
      : { path, remove: async () => underFreeLock(host, path, async () => undefined) };
  }
  if (machine === undefined || directory === storePath) {
    return undefined;
  }
  const lockPath = machineLockPath(storePath, machine);
  return (await isFree(host, lockPath))
    ? {
        path,
        remove: async () =>
          underFreeLock(host, lockPath, async () => {
            await host.files.remove(draftDirectory(storePath, machine));
            await host.files.remove(removedDirectory(storePath, machine));
          }),
      }
    : undefined;
}

async function isFree(host: Host, lockPath: string): Promise<boolean> {
  const owner = await readLockOwner(host, lockPath);
  return owner === undefined || !(await host.processes.isAlive(owner));
}

/** Takes the lock unless its owner lives, which also frees it of a dead one. */
async function underFreeLock(host: Host, lockPath: string, action: () => Promise<void>): Promise<void> {
  if (await isFree(host, lockPath)) {
    await withLock(host, lockPath, { what: 'clean up', timeoutMs: lockTimeoutMs }, action);
  }
}
