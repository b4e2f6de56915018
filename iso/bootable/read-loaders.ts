import { MachineError } from '../../src/core/errors.ts';
import { FileTree } from '../build/file-tree.ts';
import type { StoredPackage } from '../build/package-store.ts';
import { unpackPackages, type Copyrights } from '../build/root-packages.ts';
import type { Architecture } from '../packages.ts';
import { collectLoaders, loaderSelectionsFor, type BootLoaders } from './loader-packages.ts';

/**
 * Reads the boot loaders out of their packages, which must be among `packages`, and puts the packages' copyright
 * files into `copyrights`. Throws `image-build-failed` when a package or a file in it is missing, and
 * `checksum-mismatch` for a package that was changed.
 */
export async function readLoaders(
  architecture: Architecture,
  packages: readonly StoredPackage[],
  copyrights: Copyrights,
): Promise<BootLoaders> {
  const selections = loaderSelectionsFor(architecture).map((selection) => {
    const stored = packages.find((one) => one.pinned.name === selection.name);
    if (stored === undefined) {
      throw new MachineError('image-build-failed', `The package ${selection.name} is not in the lock`, {
        why: 'The ISO takes its boot loaders from it.',
        remedies: ['Renew the lock with "tsmachine image lock".'],
      });
    }
    return { stored, selection };
  });
  const tree = new FileTree();
  await unpackPackages(selections, architecture, tree, copyrights);
  return collectLoaders(architecture, (path) => {
    const entry = tree.get(path);
    if (entry?.kind !== 'file') {
      throw new MachineError('image-build-failed', `The packages of the boot loaders have no file ${path}`);
    }
    return entry.data;
  });
}
