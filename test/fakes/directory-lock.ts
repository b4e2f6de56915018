import { mkdirSync, rmdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const lockTries = 2000;

/** Runs an action while no other process holds the lock, which is a directory. */
export async function withLock<T>(lock: string, action: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (tries === lockTries) {
        throw error;
      }
      await sleep(10);
    }
  }
  try {
    return await action();
  } finally {
    rmdirSync(lock);
  }
}
