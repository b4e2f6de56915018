import path from 'node:path';
import { isMachineError, MachineError, messageOf, systemCode } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import { parseManifest, type ImageManifest } from './manifest.ts';

/** Debian's name of an architecture that images are built for. */
export type Architecture = ImageManifest['architecture'];

/** An image that lies in a directory of this computer, not yet verified. */
export interface ImageSource {
  /** `cache`, `package`, `checkout` or `option`: how it was found. */
  readonly kind: 'cache' | 'package' | 'checkout' | 'option';
  readonly directory: string;
  readonly manifest: ImageManifest;
}

/** Name of the manifest in every image directory. */
export const manifestFileName = 'manifest.json';

/** The architecture that this computer runs fastest. */
export function hostArchitecture(host: Host): Architecture {
  return host.facts.arch === 'arm64' ? 'arm64' : 'amd64';
}

/**
 * Reads the manifest of an image directory.
 * @throws MachineError `image-not-found` when there is none, `image-invalid` when it cannot be used.
 */
export async function readImageDirectory(
  host: Host,
  directory: string,
  kind: ImageSource['kind'],
): Promise<ImageSource> {
  const file = path.join(directory, manifestFileName);
  let text: string;
  try {
    text = await host.files.readText(file);
  } catch (cause) {
    throw new MachineError('image-not-found', `There is no machine image in ${directory}.`, {
      why: systemCode(cause) === 'ENOENT' ? `${file} does not exist` : messageOf(cause),
      cause,
    });
  }
  return { kind, directory, manifest: parseManifest(text) };
}

/** Where images of the cache live: one directory per digest. */
export function imageCacheDirectory(storePath: string): string {
  return path.join(storePath, 'cache', 'images');
}

/**
 * The newest image for an architecture that is on this computer: built in the checkout, installed as the
 * package `@tsmachine/image-ARCH`, or in the cache. Broken directories are passed over.
 */
export async function findInstalledImage(
  host: Host,
  storePath: string,
  architecture: Architecture,
): Promise<ImageSource | undefined> {
  const places: { kind: ImageSource['kind']; directory: string }[] = [
    { kind: 'checkout', directory: path.join(host.facts.packageRoot, 'build', 'image', architecture) },
    ...packageDirectories(host, architecture).map((directory) => ({ kind: 'package' as const, directory })),
  ];
  for (const place of places) {
    const source = await tryDirectory(host, place.directory, place.kind);
    if (source?.manifest.architecture === architecture) {
      return source;
    }
  }
  const cached = (await listCachedImages(host, storePath)).filter(
    (source) => source.manifest.architecture === architecture,
  );
  return cached.sort((a, b) => b.manifest.sourceDateEpoch - a.manifest.sourceDateEpoch)[0];
}

/** Every usable image of the cache, in no particular order. */
export async function listCachedImages(host: Host, storePath: string): Promise<ImageSource[]> {
  const cache = imageCacheDirectory(storePath);
  const names = await host.files.list(cache).catch(() => []);
  const found: ImageSource[] = [];
  for (const { name, kind } of names) {
    if (kind === 'directory' && !name.startsWith('.')) {
      const source = await tryDirectory(host, path.join(cache, name), 'cache');
      if (source !== undefined) {
        found.push(source);
      }
    }
  }
  return found;
}

// npm puts an optional image package beside this package (hoisted) or below it.
function packageDirectories(host: Host, architecture: Architecture): string[] {
  const relative = ['@tsmachine', `image-${architecture}`];
  return [
    path.join(host.facts.packageRoot, 'node_modules', ...relative),
    path.join(host.facts.packageRoot, '..', ...relative),
  ];
}

async function tryDirectory(
  host: Host,
  directory: string,
  kind: ImageSource['kind'],
): Promise<ImageSource | undefined> {
  try {
    return await readImageDirectory(host, directory, kind);
  } catch (error) {
    if (isMachineError(error)) {
      return undefined;
    }
    throw error;
  }
}
