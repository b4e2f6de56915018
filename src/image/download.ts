import path from 'node:path';
import { MachineError } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import { parseManifest, type ImageFile } from './manifest.ts';
import type { CacheOptions } from './cache.ts';
import { imageCacheDirectory, manifestFileName, type ImageSource } from './sources.ts';

const manifestMaxBytes = 16 * 1024 * 1024;
const wanted = ['vmlinuz', 'vmlinux', 'initrd', 'root.erofs'];

/**
 * Fetches an image by the URL of its manifest, `https://HOST/…/manifest.json#sha256=HEX`. The hash in the URL
 * vouches for the manifest, the manifest for the files beside it. The files land in a directory of the cache
 * that the caller verifies once more when it takes them over.
 * @throws MachineError `flag-invalid` without a hash, `download-failed`, `checksum-mismatch`, `image-invalid`.
 */
export async function downloadImage(host: Host, url: string, options: CacheOptions): Promise<ImageSource> {
  const { location, sha256 } = splitUrl(url);
  const directory = path.join(imageCacheDirectory(options.storePath), `.download-${sha256.slice(0, 16)}`);
  await host.files.makeDirectory(directory, 0o700);
  const manifestPath = path.join(directory, manifestFileName);
  await fetchVerified(host, location, manifestPath, {
    sha256,
    size: manifestMaxBytes,
    signal: options.signal,
  });
  const manifest = parseManifest(await host.files.readText(manifestPath));
  for (const file of manifest.files.filter(({ name }) => wanted.includes(name))) {
    const transport = transportOf(file);
    await fetchVerified(host, new URL(transport.name, location), path.join(directory, transport.name), {
      ...transport,
      signal: options.signal,
    });
  }
  return { kind: 'option', directory, manifest };
}

function transportOf(file: ImageFile): { name: string; size: number; sha256: string } {
  return file.compressed ?? file;
}

function splitUrl(url: string): { location: URL; sha256: string } {
  const location = new URL(url);
  const match = /^#sha256=([0-9a-f]{64})$/i.exec(location.hash);
  location.hash = '';
  if (match?.[1] === undefined) {
    throw new MachineError('flag-invalid', `The image URL ${url} does not say which image it must be.`, {
      remedies: ['Add the SHA-256 of its manifest to the URL: https://HOST/PATH/manifest.json#sha256=HEX'],
    });
  }
  return { location, sha256: match[1].toLowerCase() };
}

// A file that is there already with the right content, from a download that was cut, is not fetched again.
async function fetchVerified(
  host: Host,
  url: URL,
  to: string,
  expected: { sha256: string; size: number; signal: AbortSignal },
): Promise<void> {
  if ((await host.files.stat(to)) !== undefined) {
    if ((await host.files.sha256(to)) === expected.sha256) {
      return;
    }
    await host.files.remove(to);
  }
  const partial = `${to}.partial-${host.facts.pid}`;
  try {
    await host.http.download(url.href, partial, { sizeMaxBytes: expected.size, signal: expected.signal });
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
