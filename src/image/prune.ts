import { isMachineError } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import { joinPath } from '../store/paths.ts';
import { imageCacheDirectory, readImageDirectory } from './sources.ts';

/** An image, or the remains of one, that was taken out of the cache. */
export interface RemovedImage {
  /** Its directory, which is gone. */
  readonly directory: string;
  /** Undefined for remains that had no manifest. */
  readonly version: string | undefined;
  readonly sizeBytes: number;
}

/** Images, what a killed filling left, and downloads that did not come to their end. */
const ourDirectory = /^(?:[0-9a-f]{64}(?:\.partial)?|\.download-[0-9a-f]{16})$/;

/**
 * Removes everything from the cache but the images with these digests. The caller holds the lock of the cache, so
 * that nothing half-made in it belongs to a process that still runs.
 */
export async function removeFromCache(
  host: Host,
  storePath: string,
  keep: ReadonlySet<string>,
): Promise<RemovedImage[]> {
  const cache = imageCacheDirectory(storePath);
  const removed: RemovedImage[] = [];
  for (const { name, kind } of await host.files.list(cache)) {
    if (kind === 'directory' && ourDirectory.test(name) && !keep.has(name)) {
      const directory = joinPath(cache, name);
      const sizeBytes = await sizeOf(host, directory);
      const version = await versionOf(host, directory);
      await host.files.remove(directory);
      removed.push({ directory, version, sizeBytes });
    }
  }
  return removed;
}

async function sizeOf(host: Host, directory: string): Promise<number> {
  let sizeBytes = 0;
  for (const { name } of await host.files.list(directory)) {
    sizeBytes += (await host.files.stat(joinPath(directory, name)))?.sizeBytes ?? 0;
  }
  return sizeBytes;
}

async function versionOf(host: Host, directory: string): Promise<string | undefined> {
  try {
    return (await readImageDirectory(host, directory, 'cache')).manifest.version;
  } catch (error) {
    if (isMachineError(error)) {
      return undefined;
    }
    throw error;
  }
}
