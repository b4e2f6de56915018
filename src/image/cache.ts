import path from 'node:path';
import { MachineError } from '../core/errors.ts';
import type { BootImage } from '../drivers/driver.ts';
import type { Host } from '../host/types.ts';
import { withLock } from '../store/lock.ts';
import { cacheLockPath } from '../store/paths.ts';
import { unpackBrotli } from '../host/brotli.ts';
import type { ImageFile, ImageManifest } from './manifest.ts';
import { imageCacheDirectory, manifestFileName, type ImageSource } from './sources.ts';

// What a machine boots from. The rest of an image directory (ISO, SBOM, archives) is for other uses.
const bootFileNames = ['vmlinuz', 'vmlinux', 'initrd', 'root.erofs'];

/** How the cache is filled. */
export interface CacheOptions {
  readonly storePath: string;
  readonly signal: AbortSignal;
  readonly onWait?: (message: string) => void;
}

/**
 * The image in the cache, put there first if it is not: every file is copied (or unpacked from its transport
 * form), checked against the manifest, and the directory gets its name only when all of it is right.
 * Shared by all machines and never changed, so a rebuilt image does not disturb machines of the old one.
 * @throws MachineError `image-invalid` that names the file.
 */
export async function ensureCached(
  host: Host,
  source: ImageSource,
  options: CacheOptions,
): Promise<BootImage> {
  const cache = imageCacheDirectory(options.storePath);
  const directory = path.join(cache, source.manifest.digest);
  if (source.kind === 'cache' || (await isComplete(host, directory, source.manifest))) {
    return bootImageOf(directory, source.manifest);
  }
  await host.files.makeDirectory(cache, 0o700);
  await withLock(
    host,
    cacheLockPath(options.storePath),
    {
      what: 'the image cache',
      timeoutMs: 600_000,
      signal: options.signal,
      onWait: () => options.onWait?.('Waiting for another process that fills the image cache.'),
    },
    async () => {
      if (!(await isComplete(host, directory, source.manifest))) {
        await fill(host, source, directory, options.signal);
      }
    },
  );
  return bootImageOf(directory, source.manifest);
}

/** Paths of an image that is in the cache. */
export function bootImageOf(directory: string, manifest: ImageManifest): BootImage {
  const has = (name: string): boolean => manifest.files.some((file) => file.name === name);
  return {
    digest: manifest.digest,
    version: manifest.version,
    architecture: manifest.architecture,
    kernelPath: path.join(directory, has('vmlinux') ? 'vmlinux' : 'vmlinuz'),
    initrdPath: path.join(directory, 'initrd'),
    rootPath: path.join(directory, 'root.erofs'),
  };
}

function bootFiles(manifest: ImageManifest): readonly ImageFile[] {
  return manifest.files.filter((file) => bootFileNames.includes(file.name));
}

// The directory is renamed into place when it is complete; sizes catch what a user did to it later.
async function isComplete(host: Host, directory: string, manifest: ImageManifest): Promise<boolean> {
  for (const file of [...bootFiles(manifest), { name: manifestFileName, size: undefined }]) {
    const stat = await host.files.stat(path.join(directory, file.name));
    if (stat?.kind !== 'file' || (file.size !== undefined && stat.sizeBytes !== file.size)) {
      return false;
    }
  }
  return true;
}

async function fill(host: Host, source: ImageSource, directory: string, signal: AbortSignal): Promise<void> {
  const partial = `${directory}.partial`;
  await host.files.remove(partial);
  await host.files.makeDirectory(partial, 0o700);
  try {
    for (const file of bootFiles(source.manifest)) {
      signal.throwIfAborted();
      await bringFile(host, source.directory, file, path.join(partial, file.name));
    }
    await host.files.copy(
      path.join(source.directory, manifestFileName),
      path.join(partial, manifestFileName),
      0o400,
    );
    await host.files.remove(directory);
    await host.files.rename(partial, directory);
  } catch (error) {
    await host.files.remove(partial);
    throw error;
  }
}

async function bringFile(host: Host, from: string, file: ImageFile, to: string): Promise<void> {
  const raw = path.join(from, file.name);
  if ((await host.files.stat(raw)) !== undefined) {
    await host.files.copy(raw, to, 0o400);
  } else if (file.compressed === undefined) {
    throw new MachineError('image-invalid', `The image in ${from} lacks its file ${file.name}.`);
  } else {
    const packed = path.join(from, file.compressed.name);
    await requireSha256(host, packed, file.compressed.sha256);
    await unpackBrotli(packed, to, file.size);
  }
  await requireSha256(host, to, file.sha256, raw);
}

async function requireSha256(
  host: Host,
  file: string,
  expected: string,
  shownAs: string = file,
): Promise<void> {
  const actual = await host.files.sha256(file);
  if (actual !== expected) {
    throw new MachineError(
      'image-invalid',
      `${shownAs} is not the file that the image's manifest describes.`,
      {
        why: `its SHA-256 is ${actual}, the manifest says ${expected}`,
      },
    );
  }
}
