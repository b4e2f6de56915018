import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The folder of the tsmachine package, where the data of iso/ lies. Compiled code runs from
 * dist/iso/build, so the folder is the nearest one above that has a package.json.
 */
export const packageRoot = findRoot(path.dirname(fileURLToPath(import.meta.url)));

function findRoot(start: string): string {
  let folder = start;
  while (!existsSync(path.join(folder, 'package.json'))) {
    const parent = path.dirname(folder);
    if (parent === folder) {
      return start;
    }
    folder = parent;
  }
  return folder;
}
