import { isMachineError, MachineError, messageOf, systemCode } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import { joinPath, storeDirectories } from '../store/paths.ts';
import { pathsOf } from './image-name.ts';
import { parseManifest, type ImageManifest } from './manifest.ts';

/** Debian's name of an architecture that images are built for. */
export type Architecture = ImageManifest['architecture'];

/** An image that lies in a directory of this computer, not yet verified. */
export interface ImageSource {
  /**
   * How it was found: built in the checkout, installed as an npm package, built into the store, in the cache, or
   * named with --image.
   */
  readonly kind: 'checkout' | 'package' | 'built' | 'cache' | 'option';
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
  const file = joinPath(directory, manifestFileName);
  let text: string;
  try {
    text = await host.files.readText(file);
  } catch (cause) {
    throw new MachineError('image-not-found', `There is no machine image in ${directory}.`, {
      why: systemCode(cause) === 'ENOENT' ? `${file} does not exist` : messageOf(cause),
      cause,
    });
  }
  return { kind, directory, manifest: parseManifest(text, file) };
}

/** Where images of the cache live: one directory per digest. */
export function imageCacheDirectory(storePath: string): string {
  return joinPath(storePath, storeDirectories.cache, 'images');
}

/** Where an image of the cache is, or would be. */
export function cachedImageDirectory(storePath: string, digest: string): string {
  return joinPath(imageCacheDirectory(storePath), digest);
}

/** Where `image build` puts an image by itself: in a checkout its build directory, else a place in the store. */
export async function builtImageDirectory(
  host: Host,
  storePath: string,
  architecture: Architecture,
): Promise<string> {
  const isCheckout = (await host.files.stat(joinPath(host.facts.packageRoot, 'tsconfig.json'))) !== undefined;
  return isCheckout ? inCheckout(host, architecture) : inStore(storePath, architecture);
}

/**
 * The image for an architecture that a new machine boots: built in the checkout, installed as the package
 * `@tsmachine/image-ARCH`, built into the store, or the newest of the cache.
 * @throws MachineError `image-invalid` when the first that is there cannot be used.
 */
export async function findInstalledImage(
  host: Host,
  storePath: string,
  architecture: Architecture,
): Promise<ImageSource | undefined> {
  const places: { kind: ImageSource['kind']; directory: string }[] = [
    { kind: 'checkout', directory: inCheckout(host, architecture) },
    ...packageDirectories(host, architecture).map((directory) => ({ kind: 'package' as const, directory })),
    { kind: 'built', directory: inStore(storePath, architecture) },
  ];
  for (const place of places) {
    const source = await findDirectory(host, place, architecture);
    if (source !== undefined) {
      return source;
    }
  }
  const cached = (await listCachedImages(host, storePath)).filter(
    (source) => source.manifest.architecture === architecture,
  );
  return cached.sort(newestFirst)[0];
}

/**
 * Every image of the cache whose manifest can be read, in no particular order. `onBroken` is told of the others,
 * with a sentence about each.
 */
export async function listCachedImages(
  host: Host,
  storePath: string,
  onBroken: (problem: string) => void = () => undefined,
): Promise<ImageSource[]> {
  const cache = imageCacheDirectory(storePath);
  const names = await host.files.list(cache).catch(() => []);
  const found: ImageSource[] = [];
  for (const { name, kind } of names) {
    if (kind === 'directory' && /^[0-9a-f]{64}$/.test(name)) {
      const directory = joinPath(cache, name);
      try {
        const source = await readImageDirectory(host, directory, 'cache');
        if (source.manifest.digest === name) {
          found.push(source);
        } else {
          onBroken(`${joinPath(directory, manifestFileName)} is that of another image`);
        }
      } catch (error) {
        if (!isMachineError(error)) {
          throw error;
        }
        onBroken([error.message, error.why].filter((text) => text !== undefined).join(' '));
      }
    }
  }
  return found;
}

// Two images of one day differ in what we made ourselves; the digest then only makes the choice a stable one.
function newestFirst(one: ImageSource, other: ImageSource): number {
  return (
    other.manifest.sourceDateEpoch - one.manifest.sourceDateEpoch ||
    (one.manifest.digest < other.manifest.digest ? -1 : 1)
  );
}

function inCheckout(host: Host, architecture: Architecture): string {
  return joinPath(host.facts.packageRoot, 'build', 'image', architecture);
}

function inStore(storePath: string, architecture: Architecture): string {
  return joinPath(storePath, storeDirectories.cache, 'built-images', architecture);
}

// npm puts a package that this one depends on into its own node_modules, or into one that it is in itself. Other
// directories above are not looked into: they may belong to somebody else.
function packageDirectories(host: Host, architecture: Architecture): string[] {
  const paths = pathsOf(host);
  const roots = [paths.join(host.facts.packageRoot, 'node_modules')];
  for (let at = host.facts.packageRoot; at !== paths.dirname(at); at = paths.dirname(at)) {
    if (paths.basename(at) === 'node_modules') {
      roots.push(at);
    }
  }
  return roots.map((root) => paths.join(root, '@tsmachine', `image-${architecture}`));
}

/** An image directory, or undefined when there is none, or none for this architecture. */
async function findDirectory(
  host: Host,
  place: Pick<ImageSource, 'directory' | 'kind'>,
  architecture: Architecture,
): Promise<ImageSource | undefined> {
  try {
    const source = await readImageDirectory(host, place.directory, place.kind);
    return source.manifest.architecture === architecture ? source : undefined;
  } catch (error) {
    if (isMachineError(error) && error.code === 'image-not-found') {
      return undefined;
    }
    throw error;
  }
}
