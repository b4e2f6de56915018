import type { ImageContent } from './image-layout.ts';
import { compareBytes } from './iso9660-encoding.ts';
import { compareIdentifiers, isoIdentifier } from './iso9660-names.ts';
import { layoutError } from './layout-error.ts';

/** Paths are absolute, separated by `/`. Directories that are not listed are made with mode 0755. */
export type IsoEntry =
  | { readonly kind: 'file'; readonly path: string; readonly content: ImageContent; readonly mode?: number }
  | { readonly kind: 'directory'; readonly path: string; readonly mode?: number }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
  /** A second name for the data of the file `of`: it takes no further room. */
  | { readonly kind: 'alias'; readonly path: string; readonly of: string };

export interface LeafNode {
  readonly kind: 'file' | 'symlink';
  readonly name: string;
  readonly identifier: string;
  /** Path of the file whose data this node shows; undefined for a symbolic link. */
  readonly contentPath: string | undefined;
  readonly target: string | undefined;
  readonly mode: number;
  readonly linkCount: number;
}

export interface DirectoryNode {
  readonly kind: 'directory';
  readonly name: string;
  readonly identifier: string;
  readonly mode: number;
  readonly parent: DirectoryNode | undefined;
  /** In the order of ECMA-119. */
  readonly children: readonly (LeafNode | DirectoryNode)[];
}

/** ECMA-119 clause 7.8.2: at most eight levels, the root included. */
const DIRECTORY_LEVELS_MAX = 8;
const MODE_FILE = 0o100000;
const MODE_SYMLINK = 0o120000;
const MODE_DIRECTORY = 0o040000;

interface Draft {
  readonly entry: IsoEntry;
  readonly children: Map<string, Draft>;
}

function pathParts(path: string): string[] {
  const parts = path.split('/').slice(1);
  const bad = !path.startsWith('/') || parts.some((part) => part === '' || part === '.' || part === '..');
  if (bad || parts.length > DIRECTORY_LEVELS_MAX || path.includes('\0')) {
    throw layoutError(
      `not a path for an ISO image (absolute, normal, at most ${DIRECTORY_LEVELS_MAX} levels): ${path}`,
    );
  }
  return parts;
}

function addDraft(root: Draft, entry: IsoEntry): void {
  const parts = pathParts(entry.path);
  const name = parts.pop() ?? '';
  let directory = root;
  let path = '';
  for (const part of parts) {
    path += `/${part}`;
    let next = directory.children.get(part);
    if (next === undefined) {
      next = { entry: { kind: 'directory', path }, children: new Map() };
      directory.children.set(part, next);
    }
    if (next.entry.kind !== 'directory') {
      throw layoutError(`${entry.path} lies below ${path}, which is not a directory`);
    }
    directory = next;
  }
  const earlier = directory.children.get(name);
  if (earlier !== undefined) {
    throw layoutError(`two entries of the ISO image have the path ${entry.path}`);
  }
  directory.children.set(name, { entry, children: new Map() });
}

function byteOrder(a: string, b: string): number {
  const encoder = new TextEncoder();
  return compareBytes(encoder.encode(a), encoder.encode(b));
}

function leafNode(name: string, identifier: string, entry: IsoEntry, links: Map<string, number>): LeafNode {
  if (entry.kind === 'symlink') {
    return {
      kind: 'symlink',
      name,
      identifier,
      contentPath: undefined,
      target: entry.target,
      mode: MODE_SYMLINK | 0o777,
      linkCount: 1,
    };
  }
  const contentPath = entry.kind === 'alias' ? entry.of : entry.path;
  const permissions = entry.kind === 'file' ? (entry.mode ?? 0o644) : 0o644;
  const linkCount = links.get(contentPath) ?? 1;
  return {
    kind: 'file',
    name,
    identifier,
    contentPath,
    target: undefined,
    mode: MODE_FILE | permissions,
    linkCount,
  };
}

function directoryNode(
  place: { name: string; identifier: string; parent: DirectoryNode | undefined },
  draft: Draft,
  links: Map<string, number>,
): DirectoryNode {
  const taken = new Set<string>();
  const children: (LeafNode | DirectoryNode)[] = [];
  const permissions = draft.entry.kind === 'directory' ? (draft.entry.mode ?? 0o755) : 0o755;
  const node: DirectoryNode = { kind: 'directory', ...place, mode: MODE_DIRECTORY | permissions, children };
  for (const [name, child] of [...draft.children].sort(([a], [b]) => byteOrder(a, b))) {
    const identifier = isoIdentifier(name, child.entry.kind === 'directory', taken);
    children.push(
      child.entry.kind === 'directory'
        ? directoryNode({ name, identifier, parent: node }, child, links)
        : leafNode(name, identifier, child.entry, links),
    );
  }
  children.sort((a, b) => compareIdentifiers(a.identifier, b.identifier));
  return node;
}

/**
 * Makes the directory tree of an image out of a flat list in any order.
 * Throws MachineError for a path that cannot be written, is used twice, or an alias of no file.
 */
export function buildTree(entries: readonly IsoEntry[]): DirectoryNode {
  const root: Draft = { entry: { kind: 'directory', path: '/' }, children: new Map() };
  const links = new Map<string, number>();
  // Directories go first, shorter paths before longer ones, so that a listed one is not made implicitly before.
  const directories = entries.filter((entry) => entry.kind === 'directory');
  directories.sort((a, b) => a.path.length - b.path.length);
  for (const entry of [...directories, ...entries.filter((other) => other.kind !== 'directory')]) {
    addDraft(root, entry);
    if (entry.kind === 'file' || entry.kind === 'alias') {
      const path = entry.kind === 'alias' ? entry.of : entry.path;
      links.set(path, (links.get(path) ?? 0) + 1);
    }
  }
  const files = new Set(entries.filter((entry) => entry.kind === 'file').map((entry) => entry.path));
  for (const entry of entries) {
    if (entry.kind === 'alias' && !files.has(entry.of)) {
      throw layoutError(`${entry.path} is an alias of ${entry.of}, which is not a file of the ISO image`);
    }
  }
  return directoryNode({ name: '', identifier: '\0', parent: undefined }, root, links);
}

/**
 * All directories in the order of the path table (ECMA-119 clause 7.9.1): by level, then by the parent's
 * number, then by identifier. Breadth first over sorted children is just that.
 */
export function directoriesInPathTableOrder(root: DirectoryNode): DirectoryNode[] {
  const ordered = [root];
  for (let index = 0; index < ordered.length; index += 1) {
    for (const child of ordered[index]?.children ?? []) {
      if (child.kind === 'directory') {
        ordered.push(child);
      }
    }
  }
  return ordered;
}
