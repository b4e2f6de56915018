import { MachineError } from '../../src/core/errors.ts';
import { architectureFacts, type Architecture, type PackageSelection } from '../packages.ts';
import { readDeb } from './deb.ts';
import type { FileTree } from './file-tree.ts';
import { readPackage, type StoredPackage } from './package-store.ts';
import { PathPatterns } from './path-pattern.ts';

/** The copyright files of packages, by the package's name. */
export type Copyrights = Map<string, Buffer>;

/**
 * Puts the selected files of packages into the tree, one package after the other, and their copyright
 * files into `copyrights`. Throws `image-build-failed` when a pattern of the list finds nothing, or a
 * package has no copyright file.
 */
export async function unpackPackages(
  packages: readonly { readonly stored: StoredPackage; readonly selection: PackageSelection }[],
  architecture: Architecture,
  tree: FileTree,
  copyrights: Copyrights,
): Promise<void> {
  const sharedWith = new Map<string, string>();
  for (const { stored, selection } of packages) {
    const link = await unpackPackage(stored, { selection, architecture, tree, copyrights });
    if (link !== undefined) {
      sharedWith.set(selection.name, link);
    }
  }
  for (const { selection } of packages) {
    const name = selection.name;
    const copyright = copyrights.get(name) ?? copyrights.get(sharedWith.get(name) ?? '');
    if (copyright === undefined) {
      throw new MachineError('image-build-failed', `The package ${name} has no copyright file`, {
        remedies: ['Add the package that its documentation folder links to to iso/packages.ts.'],
      });
    }
    copyrights.set(name, copyright);
  }
}

interface UnpackContext {
  readonly selection: PackageSelection;
  readonly architecture: Architecture;
  readonly tree: FileTree;
  readonly copyrights: Copyrights;
}

/** Returns the package that this one shares its documentation folder with, if it is a link. */
async function unpackPackage(stored: StoredPackage, context: UnpackContext): Promise<string | undefined> {
  const { selection, tree } = context;
  const { triplet } = architectureFacts[context.architecture];
  const take = new PathPatterns(selection.take, triplet);
  const leave = new PathPatterns(selection.leave ?? [], triplet);
  const folder = `usr/share/doc/${selection.name}`;
  const copyright = `${folder}/copyright`;
  const bytes = await readPackage(stored);
  const select = (path: string, kind: string): boolean =>
    kind !== 'directory' &&
    (path === copyright ||
      (path === folder && kind === 'symlink') ||
      (take.matches(path) && !leave.matches(path)));
  let sharedWith: string | undefined;
  for await (const member of readDeb(bytes, stored.file, select)) {
    const ownership = { mode: member.mode, owner: selection.name };
    if (member.path === copyright && member.kind === 'file') {
      context.copyrights.set(selection.name, member.data);
    } else if (member.path === folder && member.kind === 'symlink') {
      sharedWith = member.target;
    } else if (member.kind === 'file') {
      tree.file(member.path, member.data, ownership);
    } else if (member.kind === 'symlink') {
      tree.link(member.path, member.target, ownership);
    }
  }
  const missing = [...take.unused(), ...leave.unused()];
  if (missing.length > 0) {
    throw new MachineError('image-build-failed', `The package ${selection.name} has changed`, {
      why: `It has no ${missing.join(', ')}.`,
      facts: { package: selection.name, version: stored.used.version, missing },
      remedies: ['Mend the list in iso/packages.ts.'],
    });
  }
  return sharedWith;
}
