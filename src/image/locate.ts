import { fileURLToPath } from 'node:url';
import { isMachineError, MachineError, messageOf } from '../core/errors.ts';
import type { BootImage } from '../drivers/driver.ts';
import type { Host } from '../host/types.ts';
import { joinPath } from '../store/paths.ts';
import { bootImageOf, cacheFault, ensureCached, type CacheOptions } from './cache.ts';
import { absoluteImageName, hashOf, isUrl, parseImageUrl, pathsOf, type ImageUrl } from './image-name.ts';
import {
  cachedImageDirectory,
  findInstalledImage,
  hostArchitecture,
  manifestFileName,
  readImageDirectory,
  type ImageSource,
} from './sources.ts';

/**
 * The image for a new machine: the one that was named (a directory, a manifest.json, a `file://` URL, or an
 * `https://` URL of a manifest with its hash behind `#sha256=`), else the one on this computer; verified and in
 * the cache.
 * @throws MachineError `image-not-found`, `image-invalid`, `flag-invalid`, `download-failed`, `checksum-mismatch`,
 *   `store-write-failed`.
 */
export async function locateImage(
  host: Host,
  named: string | undefined,
  options: CacheOptions,
): Promise<BootImage> {
  return bring(host, await findSource(host, named, options), options);
}

/**
 * The image that an existing machine was made with: from the cache, or brought there again.
 * @throws MachineError `image-not-found` when it is not in the cache any more, or was changed there, and no other
 *   place has it; the errors of bringing it.
 */
export async function imageOfMachine(
  host: Host,
  digest: string,
  named: string | undefined,
  options: CacheOptions,
): Promise<BootImage> {
  const directory = cachedImageDirectory(options.storePath, digest);
  const cached = await lookInCache(host, directory, digest);
  if (typeof cached !== 'string') {
    return cached;
  }
  const gone = (why: string, cause?: unknown): MachineError =>
    new MachineError(
      'image-not-found',
      `The image ${digest.slice(0, 12)} of this machine is not here any more.`,
      {
        why: `${cached}; ${why}`,
        remedies: [`Put the image's files back into ${directory}.`],
        ...(cause === undefined ? {} : { cause }),
      },
    );
  let source: ImageSource | ImageUrl;
  try {
    source = await findSource(host, named, options);
  } catch (error) {
    throw isMachineError(error) && error.code === 'image-not-found' ? gone(error.message, error) : error;
  }
  const isOther = 'manifest' in source && source.manifest.digest !== digest;
  const image = isOther ? undefined : await bring(host, source, options);
  if (image?.digest !== digest) {
    throw gone(
      `the image ${'directory' in source ? `in ${source.directory}` : source.location.href} is another one`,
    );
  }
  return image;
}

/** The image, or a sentence about what is wrong with what is in its place. */
async function lookInCache(host: Host, directory: string, digest: string): Promise<BootImage | string> {
  try {
    const { manifest } = await readImageDirectory(host, directory, 'cache');
    const fault =
      manifest.digest === digest
        ? await cacheFault(host, directory, manifest)
        : `${joinPath(directory, manifestFileName)} is that of another image`;
    return fault ?? bootImageOf(directory, manifest);
  } catch (error) {
    if (isMachineError(error)) {
      return error.why ?? error.message;
    }
    throw error;
  }
}

async function bring(host: Host, source: ImageSource | ImageUrl, options: CacheOptions): Promise<BootImage> {
  if ('manifest' in source) {
    return ensureCached(host, source, options);
  }
  const { ensureDownloaded } = await import('./download.ts');
  return ensureDownloaded(host, source, options);
}

/**
 * Where the image that was named, or the one on this computer, is to be had. Nothing is copied or loaded, so this
 * also tells a bad name before anything is made.
 * @throws MachineError `image-not-found`, `image-invalid`, `flag-invalid`, `checksum-mismatch`.
 */
export async function findSource(
  host: Host,
  named: string | undefined,
  options: CacheOptions,
): Promise<ImageSource | ImageUrl> {
  if (named === undefined) {
    return installedImage(host, options);
  }
  if (!isUrl(named)) {
    return readImageDirectory(host, imageDirectory(host, absoluteImageName(host, named)), 'option');
  }
  return /^https?:/i.test(named) ? parseImageUrl(named) : imageOfFileUrl(host, named);
}

async function installedImage(host: Host, options: CacheOptions): Promise<ImageSource> {
  const architecture = hostArchitecture(host);
  const source = await findInstalledImage(host, options.storePath, architecture);
  if (source === undefined) {
    throw new MachineError('image-not-found', `No machine image for ${architecture} was found.`, {
      why:
        `looked in the build directory of a checkout, for the package @tsmachine/image-${architecture}, ` +
        'for a built image in the store, and in the cache',
    });
  }
  return source;
}

async function imageOfFileUrl(host: Host, url: string): Promise<ImageSource> {
  let file: string;
  try {
    file = fileURLToPath(url, { windows: host.facts.platform === 'win32' });
  } catch (cause) {
    throw new MachineError('flag-invalid', `${url} does not name a file of this computer.`, {
      why: messageOf(cause),
      remedies: ['Name a directory, or a file:// or https:// URL.'],
    });
  }
  const directory = imageDirectory(host, file);
  const source = await readImageDirectory(host, directory, 'option');
  const expected = hashOf(new URL(url));
  const manifestPath = joinPath(directory, manifestFileName);
  const actual = expected === undefined ? undefined : await host.files.sha256(manifestPath);
  if (actual !== expected) {
    throw new MachineError('checksum-mismatch', `${manifestPath} is not the expected file.`, {
      why: `its SHA-256 is ${actual ?? ''}, expected ${expected ?? ''}`,
    });
  }
  return source;
}

function imageDirectory(host: Host, named: string): string {
  const paths = pathsOf(host);
  return paths.basename(named) === manifestFileName ? paths.dirname(named) : named;
}
