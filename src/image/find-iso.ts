import { pathToFileURL } from 'node:url';
import { isMachineError, MachineError } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import { joinPath } from '../store/paths.ts';
import type { CacheOptions } from './cache.ts';
import { findSource } from './locate.ts';
import { isoFileName } from './manifest.ts';

/**
 * URL of the ISO in the directory of the image that was named, or of the one on this computer. It is not copied into the
 * cache; undefined when there is no image, or it has no ISO.
 * @throws MachineError `image-invalid` when it is not what the manifest says; `flag-invalid` for a bad name.
 */
export async function findIso(
  host: Host,
  named: string | undefined,
  options: CacheOptions,
): Promise<string | undefined> {
  const source = await findSource(host, named, options).catch((error: unknown) => {
    if (named === undefined && isMachineError(error) && error.code === 'image-not-found') {
      return undefined;
    }
    throw error;
  });
  if (source === undefined || !('manifest' in source)) {
    return undefined;
  }
  const listed = source.manifest.files.find(({ name }) => name === isoFileName);
  const path = joinPath(source.directory, isoFileName);
  if (listed === undefined || (await host.files.stat(path)) === undefined) {
    return undefined;
  }
  if ((await host.files.sha256(path)) !== listed.sha256) {
    throw new MachineError('image-invalid', `${path} is not what its manifest says.`);
  }
  return pathToFileURL(path, { windows: host.facts.platform === 'win32' }).href;
}
