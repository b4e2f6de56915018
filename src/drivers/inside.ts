import { posix, win32 } from 'node:path';
import type { Host } from '../host/types.ts';

/** True when a path lies in a directory, also where one of them was given by way of a link. */
export async function isInside(host: Host, path: string, directory: string): Promise<boolean> {
  const paths = host.facts.platform === 'win32' ? win32 : posix;
  const real = async (one: string): Promise<string> => host.files.realPath(one).catch(() => one);
  const isBelow = (one: string, other: string): boolean => {
    const way = paths.relative(other, one);
    return way !== '' && !way.startsWith('..') && !paths.isAbsolute(way);
  };
  const resolved = paths.join(await real(paths.dirname(path)), paths.basename(path));
  return isBelow(path, directory) || isBelow(resolved, await real(directory));
}
