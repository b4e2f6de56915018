import { isMachineError, MachineError } from '../core/errors.ts';
import type { BootImage } from '../drivers/driver.ts';
import type { Host } from '../host/types.ts';
import { joinPath } from '../store/paths.ts';
import { bootImageOf, cacheFault, fillCache, withCacheLock, type CacheOptions } from './cache.ts';
import type { ImageUrl } from './image-name.ts';
import { bootFiles, parseManifest, unpackedKernelFileName, type ImageFile } from './manifest.ts';
import {
  cachedImageDirectory,
  imageCacheDirectory,
  listCachedImages,
  manifestFileName,
  type ImageSource,
} from './sources.ts';

const manifestMaxBytes = 16 * 1024 * 1024;
const attemptsMax = 4;
const firstPauseMs = 1000;
const label = 'Downloading the machine image';

/**
 * The image of a URL in the cache, fetched first if it is not there. The hash in the URL vouches for the
 * manifest, the manifest for the files beside it. A cut download goes on with the file at which it was cut, by
 * itself or when the command is run again.
 * @throws MachineError `download-failed`, `checksum-mismatch`, `image-invalid`, `store-write-failed`.
 */
export async function ensureDownloaded(host: Host, url: ImageUrl, options: CacheOptions): Promise<BootImage> {
  const present = await findByManifest(host, url.sha256, options.storePath);
  if (present !== undefined) {
    return present;
  }
  return withCacheLock(host, options, async () => {
    const now = await findByManifest(host, url.sha256, options.storePath);
    if (now !== undefined) {
      return now;
    }
    const source = await download(host, url, options);
    await fillCache(host, source, options);
    await host.files.remove(source.directory);
    return bootImageOf(cachedImageDirectory(options.storePath, source.manifest.digest), source.manifest);
  });
}

/** A complete image of the cache whose manifest has this hash: then nothing need be fetched. */
async function findByManifest(host: Host, sha256: string, storePath: string): Promise<BootImage | undefined> {
  for (const { directory, manifest } of await listCachedImages(host, storePath)) {
    if (
      (await host.files.sha256(joinPath(directory, manifestFileName))) === sha256 &&
      (await cacheFault(host, directory, manifest)) === undefined
    ) {
      return bootImageOf(directory, manifest);
    }
  }
  return undefined;
}

/**
 * Fetches one file that the manifest of a URL lists, in the form in which it lies there.
 * @throws MachineError `download-failed`, `checksum-mismatch`.
 */
export async function downloadFile(
  host: Host,
  url: ImageUrl,
  file: ImageFile,
  place: { readonly to: string; readonly options: CacheOptions },
): Promise<void> {
  const { to, options } = place;
  const onProgress = (done: number): void => {
    options.emit({ type: 'progress', label, done, total: file.size });
  };
  const { size, sha256 } = file;
  await fetchVerified(host, new URL(file.name, url.location), to, { size, sha256, options, onProgress });
}

async function download(host: Host, url: ImageUrl, options: CacheOptions): Promise<ImageSource> {
  const { location, sha256 } = url;
  const directory = joinPath(imageCacheDirectory(options.storePath), `.download-${sha256.slice(0, 16)}`);
  await host.files.makeDirectory(directory, 0o700);
  const manifestPath = joinPath(directory, manifestFileName);
  await fetchVerified(host, location, manifestPath, { sha256, size: manifestMaxBytes, options });
  const manifest = parseManifest(await host.files.readText(manifestPath), location.href);
  const files = bootFiles(manifest).filter(({ name }) => name !== unpackedKernelFileName);
  const sent = files.map(sentForm);
  const totalBytes = sent.reduce((sum, { size }) => sum + size, 0);
  let doneBytes = 0;
  for (const file of sent) {
    const before = doneBytes;
    const onProgress = (bytes: number): void => {
      options.emit({ type: 'progress', label, done: before + bytes, total: totalBytes });
    };
    const path = joinPath(directory, file.name);
    await fetchVerified(host, new URL(file.name, location), path, { ...file, options, onProgress });
    doneBytes += file.size;
    onProgress(file.size);
  }
  return { kind: 'option', directory, manifest };
}

function sentForm(file: ImageFile): {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
} {
  return file.compressed ?? file;
}

interface Expected {
  readonly sha256: string;
  readonly size: number;
  readonly options: CacheOptions;
  readonly onProgress?: (doneBytes: number) => void;
}

// A file that is there already with the right content, from a download that was cut, is not fetched again.
async function fetchVerified(host: Host, url: URL, to: string, expected: Expected): Promise<void> {
  if ((await host.files.stat(to)) !== undefined) {
    if ((await host.files.sha256(to)) === expected.sha256) {
      return;
    }
    await host.files.remove(to);
  }
  const partial = `${to}.partial`;
  try {
    await fetchPatiently(host, url, partial, expected);
    const actual = await host.files.sha256(partial);
    if (actual !== expected.sha256) {
      throw new MachineError('checksum-mismatch', `${url.href} is not the expected file.`, {
        why: `its SHA-256 is ${actual}, expected ${expected.sha256}`,
        remedies: ['Do not use this source; get the URL and hash again from where you trust.'],
      });
    }
    await host.files.rename(partial, to);
  } finally {
    await host.files.remove(partial);
  }
}

/** Fetches a file, and again when the connection was lost on the way. */
async function fetchPatiently(host: Host, url: URL, to: string, expected: Expected): Promise<void> {
  const { options, onProgress } = expected;
  const { signal } = options;
  let pauseMs = firstPauseMs;
  for (let attempt = 1; ; attempt += 1) {
    let doneBytes = 0;
    await host.files.remove(to);
    try {
      await host.http.download(url.href, to, {
        sizeMaxBytes: expected.size,
        signal,
        onProgress: (bytes) => {
          doneBytes = bytes;
          onProgress?.(bytes);
        },
      });
      return;
    } catch (error) {
      // A server that has begun to send the file has it; whatever ended that may not happen again.
      const mayHelp = isMachineError(error) && error.code === 'download-failed' && doneBytes > 0;
      if (!mayHelp || doneBytes >= expected.size || attempt >= attemptsMax) {
        throw error;
      }
      const message = `The download of ${url.pathname} was cut: ${error.why ?? error.message} Trying again.`;
      options.emit({ type: 'warn', message });
      await host.clock.sleep(pauseMs, signal);
      pauseMs *= 2;
    }
  }
}
