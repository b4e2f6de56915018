import { posix, win32 } from 'node:path';
import { MachineError } from '../core/errors.ts';
import { driverOfPackage } from '../drivers/npm/package-metadata.ts';
import type { Host } from '../host/types.ts';

/** Where the package of a driver comes from. */
export interface DriverSource {
  /** A package of npm's registry, perhaps with a version; or a directory or archive on this computer. */
  readonly kind: 'registry' | 'directory' | 'archive';
  /** `tsmachine-driver-x@1.2.0`, or an absolute path. */
  readonly spec: string;
}

const VERSION = /^[\w.^~<>=*+-]+$/;

/**
 * Reads what `driver add` was given: NAME[@VERSION], a directory or a .tgz. Addresses of any other kind (git, URLs) are
 * not taken: npm would fetch from wherever they point.
 * @throws MachineError `arguments-invalid`.
 */
export async function readDriverSource(
  host: Pick<Host, 'files' | 'facts'>,
  word: string,
): Promise<DriverSource> {
  const at = word.indexOf('@', 1);
  const name = at === -1 ? word : word.slice(0, at);
  if (driverOfPackage(name) !== undefined && (at === -1 || VERSION.test(word.slice(at + 1)))) {
    return { kind: 'registry', spec: word };
  }
  const paths = host.facts.platform === 'win32' ? win32 : posix;
  const path = paths.resolve(host.facts.currentDirectory, word);
  const stat = word === '' || word.includes('\0') ? undefined : await statOf(host, path);
  if (stat?.kind === 'directory') {
    return { kind: 'directory', spec: path };
  }
  if (stat?.kind === 'file' && path.endsWith('.tgz')) {
    return { kind: 'archive', spec: path };
  }
  throw new MachineError('arguments-invalid', `${JSON.stringify(word)} is not the package of a driver.`, {
    why: 'it is neither a name like tsmachine-driver-NAME or @scope/tsmachine-driver-NAME, with a version or without, nor a directory or a .tgz file that is there',
    ...(/^[a-z][a-z0-9-]*$/.test(word)
      ? { remedies: [`tsmachine driver add tsmachine-driver-${word}`] }
      : {}),
  });
}

async function statOf({ files }: Pick<Host, 'files'>, path: string): ReturnType<Host['files']['stat']> {
  try {
    return await files.stat(await files.realPath(path));
  } catch {
    return undefined;
  }
}
