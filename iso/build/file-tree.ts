import { MachineError } from '../../src/core/errors.ts';
import { compareBytes, type TreeEntry } from '../formats/entry.ts';

/** An entry of the tree with the name of the package that it comes from. */
export type OwnedEntry = TreeEntry & { readonly owner: string };

/** The owner of what does not come from a Debian package. */
export const ownOwner = 'tsmachine';

const linkDepthMax = 16;

/** What differs from the default of a file, directory or link. */
export interface Ownership {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly owner?: string;
}

/** A tree of files in memory: what will be the root file system or the initramfs. */
export class FileTree {
  readonly #entries = new Map<string, OwnedEntry>();

  /** Adds or replaces a file; its directories are made as needed. */
  file(path: string, data: Uint8Array, ownership: Ownership = {}): void {
    this.#add({ kind: 'file', path, data, ...filled(ownership, 0o644) });
  }

  /** Adds or replaces a symbolic link. */
  link(path: string, target: string, ownership: Ownership = {}): void {
    this.#add({ kind: 'symlink', path, target, ...filled(ownership, 0o777) });
  }

  /** Adds a directory, or changes the mode of one that is there. */
  directory(path: string, ownership: Ownership = {}): void {
    this.#add({ kind: 'directory', path, ...filled(ownership, 0o755) });
  }

  get(path: string): OwnedEntry | undefined {
    return this.#entries.get(path);
  }

  has(path: string): boolean {
    return this.#entries.has(path);
  }

  delete(path: string): void {
    this.#entries.delete(path);
  }

  /** All entries, sorted by the bytes of their paths: a directory comes before what is in it. */
  sorted(): readonly OwnedEntry[] {
    return [...this.#entries.values()].sort((left, right) => compareBytes(left.path, right.path));
  }

  /**
   * The entry that a path leads to, following links in every segment inside the tree.
   * Undefined when there is none, or when links go round in a circle.
   */
  resolve(path: string): OwnedEntry | undefined {
    let rest = path.split('/').filter((segment) => segment !== '');
    let at: string[] = [];
    for (let links = 0; links <= linkDepthMax;) {
      const segment = rest.shift();
      if (segment === undefined) {
        return this.#entries.get(at.join('/'));
      }
      if (segment === '..') {
        at.pop();
        continue;
      }
      if (segment === '.') {
        continue;
      }
      const entry = this.#entries.get([...at, segment].join('/'));
      if (entry?.kind !== 'symlink') {
        at.push(segment);
        continue;
      }
      links += 1;
      at = entry.target.startsWith('/') ? [] : at;
      rest = [...entry.target.split('/').filter((part) => part !== ''), ...rest];
    }
    return undefined;
  }

  #add(entry: OwnedEntry): void {
    const slash = entry.path.lastIndexOf('/');
    if (slash >= 0) {
      this.#ensureDirectory(entry.path.slice(0, slash));
    }
    const known = this.#entries.get(entry.path);
    if (known !== undefined && (known.kind === 'directory') !== (entry.kind === 'directory')) {
      throw new MachineError('image-build-failed', `The image cannot hold ${entry.path}`, {
        why: `${known.owner} makes it a ${known.kind}, ${entry.owner} a ${entry.kind}.`,
        remedies: ['Mend the lists in iso/.'],
      });
    }
    this.#entries.set(entry.path, entry);
  }

  #ensureDirectory(path: string): void {
    const known = this.#entries.get(path);
    if (known === undefined) {
      this.#add({ kind: 'directory', path, ...filled({}, 0o755) });
    } else if (known.kind !== 'directory') {
      throw new MachineError('image-build-failed', `The image cannot hold a file below ${path}`, {
        why: `${path} is a ${known.kind}. Files belong below usr/.`,
        remedies: ['Mend the lists in iso/, or move the file of iso/rootfs.'],
      });
    }
  }
}

function filled(
  ownership: Ownership,
  mode: number,
): { readonly mode: number; readonly uid: number; readonly gid: number; readonly owner: string } {
  return {
    mode: ownership.mode ?? mode,
    uid: ownership.uid ?? 0,
    gid: ownership.gid ?? 0,
    owner: ownership.owner ?? ownOwner,
  };
}
