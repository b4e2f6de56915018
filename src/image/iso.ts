import { MachineError } from '../core/errors.ts';
import type { BootImage } from '../drivers/driver.ts';
import type { Host } from '../host/types.ts';
import { joinPath } from '../store/paths.ts';
import { withCacheLock, type CacheOptions } from './cache.ts';
import { takeFile } from './fill.ts';
import type { ImageUrl } from './image-name.ts';
import { findSource } from './locate.ts';
import { isoFileName, type ImageFile, type ImageManifest } from './manifest.ts';
import { cachedImageDirectory, readImageDirectory, type ImageSource } from './sources.ts';

/**
 * An image of the cache with its ISO, which is brought into the cache first: verified, and beside the files that other
 * drivers boot. It counts for no digest, so two images that are alike but for their ISO share one.
 * @param named as in `locateImage`: where the image was taken from
 * @throws MachineError `image-not-found` when the image has no ISO, or the place that has it is gone; `image-invalid`,
 *   `download-failed`, `checksum-mismatch`, `store-write-failed`.
 */
export async function withIso(
  host: Host,
  image: BootImage,
  named: string | undefined,
  options: CacheOptions,
): Promise<BootImage> {
  const isoPath = joinPath(cachedImageDirectory(options.storePath, image.digest), isoFileName);
  const isThere = async (): Promise<boolean> => (await host.files.stat(isoPath))?.kind === 'file';
  if (!(await isThere())) {
    const source = await findSource(host, named, options);
    await withCacheLock(host, options, async () => {
      if (!(await isThere())) {
        await bringIso(host, { source, image, isoPath }, options);
      }
    });
  }
  return { ...image, isoPath };
}

/**
 * Fails for an image that has no ISO, as far as that can be told without fetching anything.
 * @throws MachineError `image-not-found`.
 */
export async function requireIso(
  host: Host,
  source: ImageSource | ImageUrl,
  { storePath }: Pick<CacheOptions, 'storePath'>,
): Promise<void> {
  if ('manifest' in source) {
    const { manifest, directory } = source;
    const cached = joinPath(cachedImageDirectory(storePath, manifest.digest), isoFileName);
    if ((await host.files.stat(cached)) === undefined) {
      isoOf(manifest, manifest, directory);
    }
  }
}

interface Wanted {
  readonly source: ImageSource | ImageUrl;
  readonly image: BootImage;
  readonly isoPath: string;
}

async function bringIso(host: Host, wanted: Wanted, options: CacheOptions): Promise<void> {
  const { source, image, isoPath } = wanted;
  if ('manifest' in source) {
    const file = isoOf(source.manifest, image, source.directory);
    options.emit({ type: 'note', message: `Taking the ISO of the machine image (${megabytes(file)} MB)` });
    await takeFile(host, file, { from: joinPath(source.directory, isoFileName), to: isoPath });
    return;
  }
  // An image of a URL is in the cache with the manifest that its hash vouched for.
  const directory = cachedImageDirectory(options.storePath, image.digest);
  const { manifest } = await readImageDirectory(host, directory, 'cache');
  const file = isoOf(manifest, image, source.location.href);
  const { downloadFile } = await import('./download.ts');
  await downloadFile(host, source, file, { to: isoPath, options });
}

/** @throws MachineError `image-not-found`. */
function isoOf(manifest: ImageManifest, image: Pick<BootImage, 'digest'>, place: string): ImageFile {
  const file = manifest.files.find(({ name }) => name === isoFileName);
  if (file !== undefined && manifest.digest === image.digest) {
    return file;
  }
  const why =
    file === undefined
      ? 'it was built without one'
      : `that of the machine is ${image.digest.slice(0, 12)}, that one is ${manifest.digest.slice(0, 12)}`;
  throw new MachineError('image-not-found', `The image in ${place} has no ISO for this driver.`, {
    why,
    remedies: [
      'Build the image with its ISO: tsmachine image build',
      'Or name one that has it: --image DIRECTORY or --image URL',
    ],
  });
}

function megabytes({ size }: ImageFile): number {
  return Math.round(size / 1_000_000);
}
