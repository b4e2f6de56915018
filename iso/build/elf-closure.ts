import { MachineError } from '../../src/core/errors.ts';
import { isElf, readElf } from '../formats/elf.ts';
import { architectureFacts, type Architecture } from '../packages.ts';
import type { FileTree } from './file-tree.ts';

/** As many faults are told; one wrong list can cause hundreds. */
const faultsMax = 10;

/**
 * Checks that every program and library of the tree finds its loader and the libraries that it names,
 * and is of the right architecture. Kernel modules are relocatable objects and name none.
 * Libraries that programs open by themselves at run time cannot be seen here; the package list has them.
 * Throws `image-build-failed` with the first ten faults.
 */
export function checkElfClosure(tree: FileTree, architecture: Architecture): void {
  const { triplet, elfMachine } = architectureFacts[architecture];
  const folders = [`usr/lib/${triplet}`, `usr/lib/${triplet}/systemd`, 'usr/lib'];
  const faults: string[] = [];
  for (const entry of tree.sorted()) {
    if (entry.kind !== 'file' || !isElf(entry.data)) {
      continue;
    }
    const elf = readElf(entry.data, entry.path);
    if (elf.machine !== elfMachine) {
      faults.push(`${entry.path} is for another processor`);
    }
    if (elf.interpreter !== undefined && tree.resolve(elf.interpreter)?.kind !== 'file') {
      faults.push(`${entry.path} needs the loader ${elf.interpreter}`);
    }
    for (const library of elf.needed) {
      if (!folders.some((folder) => tree.resolve(`${folder}/${library}`)?.kind === 'file')) {
        faults.push(`${entry.path} needs ${library}`);
      }
    }
  }
  if (faults.length > 0) {
    throw new MachineError('image-build-failed', 'Programs of the image lack libraries', {
      why: faults.slice(0, faultsMax).join('; '),
      facts: { faults: faults.slice(0, faultsMax), count: faults.length },
      remedies: ['Add the packages that have them to iso/packages.ts and renew the lock.'],
    });
  }
}
