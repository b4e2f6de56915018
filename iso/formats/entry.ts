/** One member of a file tree, as every archive and file-system writer here takes it. */
export type TreeEntry = FileEntry | DirectoryEntry | LinkEntry;

interface EntryBase {
  /** Path relative to the tree's root, segments separated by `/`, without a leading or trailing one. */
  readonly path: string;
  /** Permission bits, with set-uid, set-gid and sticky; without the file type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface FileEntry extends EntryBase {
  readonly kind: 'file';
  readonly data: Uint8Array;
}

export interface DirectoryEntry extends EntryBase {
  readonly kind: 'directory';
}

export interface LinkEntry extends EntryBase {
  readonly kind: 'symlink';
  readonly target: string;
}

/** The file-type bits of `st_mode` for each kind of entry. */
export const typeBits = { file: 0o100000, directory: 0o040000, symlink: 0o120000 } as const;

/** Compares two strings by their UTF-8 bytes, which no locale and no UTF-16 order changes. */
export function compareBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** The content of an entry as it is stored: a file's data, a link's target, nothing for a directory. */
export function contentOf(entry: TreeEntry): Uint8Array {
  if (entry.kind === 'file') {
    return entry.data;
  }
  return entry.kind === 'symlink' ? Buffer.from(entry.target) : new Uint8Array(0);
}
