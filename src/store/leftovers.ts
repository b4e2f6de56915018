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

/**
 * Removes what killed processes left beside the machines: locks, what locks are made of, and directories of machines that
 * were never reserved or are removed already. What a process that lives has in use stays. Machines are not touched.
 * Never throws for a leftover that cannot be removed: it is in nobody's way.
 */
export async function sweepLeftovers(host: Host, storePath: string): Promise<void> {
  const machines = joinPath(storePath, storeDirectories.machines);
  for (const directory of [storePath, machines]) {
    const entries = await host.files.list(directory).catch(() => []);
    for (const { name } of entries.filter((entry) => entry.name.startsWith('.'))) {
      await sweepOne(host, { storePath, directory, name }).catch(() => undefined);
    }
  }
}

async function sweepOne(
  host: Host,
  { storePath, directory, name }: Readonly<Record<'storePath' | 'directory' | 'name', string>>,
): Promise<void> {
  const path = joinPath(directory, name);
  const maker = Number(lockTemporary.exec(name)?.[1] ?? 0);
  const machine = halfWay.exec(name)?.[1];
  if (maker > 0) {
    if ((await host.processes.identify(maker)) === undefined) {
      await host.files.remove(path);
    }
  } else if (lockFile.test(name)) {
    const owner = await readLockOwner(host, path);
    // One that was released by now needs nothing.
    if (owner !== undefined) {
      await underFreeLock(host, path, async () => undefined);
    }
  } else if (machine !== undefined && directory !== storePath) {
    await underFreeLock(host, machineLockPath(storePath, machine), async () => {
      await host.files.remove(draftDirectory(storePath, machine));
      await host.files.remove(removedDirectory(storePath, machine));
    });
  }
}

/** Takes the lock unless its owner lives, which also frees it of a dead one. */
async function underFreeLock(host: Host, lockPath: string, action: () => Promise<void>): Promise<void> {
  const owner = await readLockOwner(host, lockPath);
  if (owner === undefined || !(await host.processes.isAlive(owner))) {
    await withLock(host, lockPath, { what: 'clean up', timeoutMs: lockTimeoutMs }, action);
  }
}
