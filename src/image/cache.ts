import { MachineError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { BootImage } from '../drivers/driver.ts';
import type { Host } from '../host/types.ts';
import { withLock } from '../store/lock.ts';
import { cacheLockPath, joinPath } from '../store/paths.ts';
import { fillImage } from './fill.ts';
import { bootFiles, type ImageManifest } from './manifest.ts';
import { cachedImageDirectory, imageCacheDirectory, manifestFileName, type ImageSource } from './sources.ts';

/** Long enough for another process to download an image over a slow line. */
const lockTimeoutMs = 60 * 60 * 1000;

/** How the cache is filled. */
export interface CacheOptions {
  readonly storePath: string;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/**
 * The image in the cache, put there first if it is not: every file is copied, unpacked or made, checked against
 * the manifest, and the directory gets its name only when all of it is right.
 * Shared by all machines and never changed, so a rebuilt image does not disturb machines of the old one.
 * @throws MachineError `image-invalid` that names the file, `store-write-failed` for a full disk.
 */
export async function ensureCached(
  host: Host,
  source: ImageSource,
  options: CacheOptions,
): Promise<BootImage> {
  const { manifest } = source;
  const directory = cachedImageDirectory(options.storePath, manifest.digest);
  const fault = await cacheFault(host, directory, manifest);
  if (fault === undefined) {
    return bootImageOf(directory, manifest);
  }
  if (source.kind === 'cache') {
    throw changedError(fault);
  }
  await withCacheLock(host, options, async () => fillCache(host, source, options));
  return bootImageOf(directory, manifest);
}

/** Puts an image into the cache unless it is there; for a caller that holds the lock of the cache. */
export async function fillCache(host: Host, source: ImageSource, options: CacheOptions): Promise<void> {
  const directory = cachedImageDirectory(options.storePath, source.manifest.digest);
  if ((await cacheFault(host, directory, source.manifest)) !== undefined) {
    await fillImage(host, source, { ...options, directory });
  }
}

/** Holds the lock of the cache while `action` runs. */
export async function withCacheLock<T>(
  host: Host,
  options: CacheOptions,
  action: () => Promise<T>,
): Promise<T> {
  await host.files.makeDirectory(imageCacheDirectory(options.storePath), 0o700);
  const lock = {
    what: 'image cache',
    timeoutMs: lockTimeoutMs,
    signal: options.signal,
    onWait: () => {
      options.emit({ type: 'note', message: 'Waiting for another process that works on the image cache.' });
    },
  };
  return withLock(host, cacheLockPath(options.storePath), lock, action);
}

/** Paths of an image that is in the cache. */
export function bootImageOf(directory: string, manifest: ImageManifest): BootImage {
  const has = (name: string): boolean => manifest.files.some((file) => file.name === name);
  return {
    digest: manifest.digest,
    version: manifest.version,
    architecture: manifest.architecture,
    kernelPath: joinPath(directory, has('vmlinux') ? 'vmlinux' : 'vmlinuz'),
    initrdPath: joinPath(directory, 'initrd'),
    rootPath: joinPath(directory, 'root.erofs'),
  };
}

/**
 * What is wrong with an image of the cache at first sight, undefined when nothing is. A directory has its name
 * only since it was complete and verified, so what is looked for is what somebody did to it later; a look at the
 * sizes is quick enough for every start. `changedFiles` reads everything.
 */
export async function cacheFault(
  host: Host,
  directory: string,
  manifest: ImageManifest,
): Promise<string | undefined> {
  for (const file of [...bootFiles(manifest), { name: manifestFileName, size: undefined }]) {
    const path = joinPath(directory, file.name);
    const stat = await host.files.stat(path);
    if (stat?.kind !== 'file') {
      return stat === undefined ? `${path} is missing` : `${path} is not a file`;
    }
    if (file.size !== undefined && stat.sizeBytes !== file.size) {
      return `${path} has ${stat.sizeBytes} bytes instead of ${file.size}`;
    }
  }
  return undefined;
}

/** Names of files of an image of the cache that are not what its manifest says, by size and by hash. */
export async function changedFiles(
  host: Host,
  directory: string,
  manifest: ImageManifest,
): Promise<string[]> {
  const changed: string[] = [];
  for (const file of bootFiles(manifest)) {
    const path = joinPath(directory, file.name);
    const stat = await host.files.stat(path);
    const isRight =
      stat?.kind === 'file' &&
      stat.sizeBytes === file.size &&
      (await host.files.sha256(path)) === file.sha256;
    if (!isRight) {
      changed.push(file.name);
    }
  }
  return changed;
}

/** The error for an image of the cache that was changed after it had been verified. */
export function changedError(fault: string): MachineError {
  return new MachineError('image-invalid', 'A machine image in the cache was changed.', {
    why: fault,
    remedies: [
      'Bring the image again: name its source with --image, or build it with "tsmachine image build".',
    ],
  });
}
