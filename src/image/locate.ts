import path from 'node:path';
import { MachineError } from '../core/errors.ts';
import type { BootImage } from '../drivers/driver.ts';
import type { Host } from '../host/types.ts';
import { bootImageOf, ensureCached, type CacheOptions } from './cache.ts';
import {
  findInstalledImage,
  hostArchitecture,
  imageCacheDirectory,
  manifestFileName,
  readImageDirectory,
  type ImageSource,
} from './sources.ts';

/**
 * The image for a new machine: the one that was named (a directory, a manifest.json, a `file://` URL, or an
 * `https://` URL of a manifest with its hash behind `#sha256=`), else the one on this computer; verified and in the cache.
 * @throws MachineError `image-not-found`, `image-invalid`, `download-failed`.
 */
export async function locateImage(
  host: Host,
  named: string | undefined,
  options: CacheOptions,
): Promise<BootImage> {
  const source =
    named === undefined ? await installed(host, options) : await namedImage(host, named, options);
  return ensureCached(host, source, options);
}

/**
 * The image that an existing machine was made with.
 * @throws MachineError `image-not-found` when it has left the cache and every other place.
 */
export async function imageOfMachine(
  host: Host,
  digest: string,
  named: string | undefined,
  options: CacheOptions,
): Promise<BootImage> {
  const directory = path.join(imageCacheDirectory(options.storePath), digest);
  if ((await host.files.stat(path.join(directory, manifestFileName)))?.kind === 'file') {
    return bootImageOf(directory, (await readImageDirectory(host, directory, 'cache')).manifest);
  }
  const source = await (named === undefined ? installed(host, options) : namedImage(host, named, options));
  if (source.manifest.digest !== digest) {
    throw new MachineError(
      'image-not-found',
      `The image ${digest.slice(0, 12)} of this machine is not here any more.`,
      {
        why: `${directory} is gone, and the image in ${source.directory} is another one (${source.manifest.digest.slice(0, 12)})`,
        remedies: [`Put the image's files back into ${directory}.`],
      },
    );
  }
  return ensureCached(host, source, options);
}

async function installed(host: Host, options: CacheOptions): Promise<ImageSource> {
  const architecture = hostArchitecture(host);
  const source = await findInstalledImage(host, options.storePath, architecture);
  if (source === undefined) {
    throw new MachineError('image-not-found', `No machine image for ${architecture} was found.`, {
      why: `looked in the checkout's build directory, for the package @tsmachine/image-${architecture}, and in the cache`,
    });
  }
  return source;
}

async function namedImage(host: Host, named: string, options: CacheOptions): Promise<ImageSource> {
  if (/^https?:\/\//i.test(named)) {
    const { downloadImage } = await import('./download.ts');
    return downloadImage(host, named, options);
  }
  const local = named.startsWith('file://') ? decodeURIComponent(new URL(named).pathname) : named;
  const absolute = path.resolve(host.facts.currentDirectory, local);
  const directory = path.basename(absolute) === manifestFileName ? path.dirname(absolute) : absolute;
  return readImageDirectory(host, directory, 'option');
}
