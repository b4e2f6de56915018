import { createHash } from 'node:crypto';
import { posix, win32 } from 'node:path';
import { MachineError } from '../../src/core/errors.ts';
import type { Files, FileStat } from '../../src/host/types.ts';

/** What a path of the memory file system holds. */
export type MemoryNode =
  | { readonly kind: 'file'; data: Uint8Array; mode: number; modifiedMs: number }
  | { readonly kind: 'directory'; mode: number; modifiedMs: number }
  | { readonly kind: 'symlink'; readonly target: string; mode: number; modifiedMs: number };

/** Names of the methods of Files that change something. */
export type WriteOperation =
  | 'writeAtomic'
  | 'writeNew'
  | 'appendDurable'
  | 'makeDirectory'
  | 'rename'
  | 'link'
  | 'copy'
  | 'chmod'
  | 'remove';

/** A fault to inject: the n-th (from 1) operation that matches fails with `code`, and each one after it if `lasting`. */
export interface Fault {
  readonly code: string;
  readonly operation?: keyof Files;
  readonly path?: string | RegExp;
  readonly nth?: number;
  readonly lasting?: boolean;
}

/** Files in memory, with what a test wants to look at. */
export interface MemoryFiles extends Files {
  /** Every node by its normalised absolute path. */
  readonly nodes: Map<string, MemoryNode>;
  /** Writing operations in their order, as `operation path`. */
  readonly writes: string[];
  freeSpaceBytes: number;
  /** Without an operation the fault hits every writing operation. */
  inject(fault: Fault): void;
  /** Puts a file and its parents there, without a trace in `writes`. */
  put(path: string, data: string | Uint8Array, mode?: number): void;
  putDirectory(path: string, mode?: number): void;
  putSymlink(path: string, target: string): void;
  /** Text of a file, undefined when there is none. */
  text(path: string): string | undefined;
}

/** An empty file system with a root directory. Symlinks are followed by `realPath` and the readers. */
export function createMemoryFiles(platform: NodeJS.Platform, nowMs: () => number): MemoryFiles {
  const paths = platform === 'win32' ? win32 : posix;
  const nodes = new Map<string, MemoryNode>();
  const writes: string[] = [];
  const faults: { fault: Fault; seen: number }[] = [];

  const key = (path: string): string => {
    const normal = paths.normalize(path);
    return normal.length > 1 && normal.endsWith(paths.sep) && paths.dirname(normal) !== normal
      ? normal.slice(0, -1)
      : normal;
  };
  const strike = (operation: keyof Files, path: string, isWrite: boolean): void => {
    for (const entry of faults) {
      const { fault } = entry;
      const hitsOperation = fault.operation === undefined ? isWrite : fault.operation === operation;
      const hitsPath =
        fault.path === undefined ||
        (typeof fault.path === 'string' ? key(fault.path) === key(path) : fault.path.test(path));
      if (!hitsOperation || !hitsPath) {
        continue;
      }
      entry.seen += 1;
      const nth = fault.nth ?? 1;
      if (entry.seen === nth || (fault.lasting === true && entry.seen > nth)) {
        throw systemError(fault.code, operation, path);
      }
    }
  };
  const isInside = (path: string, directory: string): boolean =>
    path.startsWith(directory.endsWith(paths.sep) ? directory : directory + paths.sep);
  const ensureDirectories = (path: string, mode: number): void => {
    for (let at = key(path); !nodes.has(at); at = paths.dirname(at)) {
      nodes.set(at, { kind: 'directory', mode, modifiedMs: nowMs() });
    }
  };
  /** Resolves symlinks in every part of the path. */
  const resolve = (path: string, operation: string, depth = 0): string => {
    const at = key(path);
    if (depth > 20) {
      throw systemError('ELOOP', operation, path);
    }
    const parent = paths.dirname(at);
    const real = parent === at ? at : key(paths.join(resolve(parent, operation, depth), paths.basename(at)));
    const node = nodes.get(real);
    if (node?.kind === 'symlink') {
      return resolve(paths.resolve(paths.dirname(real), node.target), operation, depth + 1);
    }
    return real;
  };
  /** Resolves symlinks in the parents only, and requires the parent to be a directory. */
  const place = (path: string, operation: string): string => {
    const at = key(path);
    const parent = resolve(paths.dirname(at), operation);
    const kind = nodes.get(parent)?.kind;
    if (kind !== 'directory') {
      throw systemError(kind === undefined ? 'ENOENT' : 'ENOTDIR', operation, path);
    }
    return parent === at ? at : key(paths.join(parent, paths.basename(at)));
  };
  const readable = (path: string, operation: keyof Files): Extract<MemoryNode, { kind: 'file' }> => {
    strike(operation, path, false);
    const node = nodes.get(resolve(path, operation));
    if (node?.kind !== 'file') {
      throw systemError(node === undefined ? 'ENOENT' : 'EISDIR', operation, path);
    }
    return node;
  };
  const write = async (operation: WriteOperation, path: string, action: () => void): Promise<void> => {
    try {
      strike(operation, path, true);
      action();
      writes.push(`${operation} ${path}`);
    } catch (error) {
      if ((error as { code?: string }).code === 'EEXIST' && operation !== 'makeDirectory') {
        throw error;
      }
      const message = `Cannot ${operation} ${path}: ${(error as Error).message}.`;
      const facts = { path, systemCode: (error as { code?: string }).code };
      throw new MachineError('store-write-failed', message, { cause: error, facts });
    }
  };
  const putFile = (at: string, data: string | Uint8Array, mode: number): void => {
    nodes.set(at, { kind: 'file', data: toBytes(data), mode, modifiedMs: nowMs() });
  };
  const refuse = (at: string, operation: string): void => {
    if (nodes.has(at)) {
      throw systemError('EEXIST', operation, at);
    }
  };
  const removeTree = (at: string): void => {
    for (const path of [...nodes.keys()]) {
      if (path === at || isInside(path, at)) {
        nodes.delete(path);
      }
    }
  };

  const files: MemoryFiles = {
    nodes,
    writes,
    freeSpaceBytes: 100 * 1024 ** 3,
    inject: (fault) => {
      faults.push({ fault, seen: 0 });
    },
    put: (path, data, mode = 0o600) => {
      ensureDirectories(paths.dirname(key(path)), 0o700);
      putFile(key(path), data, mode);
    },
    putDirectory: (path, mode = 0o700) => {
      ensureDirectories(path, mode);
    },
    putSymlink: (path, target) => {
      ensureDirectories(paths.dirname(key(path)), 0o700);
      nodes.set(key(path), { kind: 'symlink', target, mode: 0o777, modifiedMs: nowMs() });
    },
    text: (path) => {
      const node = nodes.get(key(path));
      return node?.kind === 'file' ? Buffer.from(node.data).toString('utf8') : undefined;
    },
    readText: async (path) => Buffer.from(readable(path, 'readText').data).toString('utf8'),
    readBytes: async (path) => readable(path, 'readBytes').data.slice(),
    readRange: async (path, offset, lengthMaxBytes) =>
      readable(path, 'readRange').data.slice(offset, offset + lengthMaxBytes),
    list: async (path) => {
      strike('list', path, false);
      const at = resolve(path, 'list');
      const kind = nodes.get(at)?.kind;
      if (kind !== 'directory') {
        throw systemError(kind === undefined ? 'ENOENT' : 'ENOTDIR', 'list', path);
      }
      return [...nodes]
        .filter(([name]) => name !== at && paths.dirname(name) === at)
        .map(([name, node]) => ({ name: paths.basename(name), kind: node.kind }));
    },
    stat: async (path): Promise<FileStat | undefined> => {
      strike('stat', path, false);
      const at = key(path);
      const parent = paths.dirname(at);
      const real = parent === at ? at : paths.join(resolve(parent, 'stat'), paths.basename(at));
      const node = nodes.get(key(real));
      if (node === undefined) {
        return undefined;
      }
      const sizeBytes = node.kind === 'file' ? node.data.length : 0;
      const uid = platform === 'win32' ? -1 : 1000;
      return { kind: node.kind, sizeBytes, mode: node.mode, modifiedMs: node.modifiedMs, uid };
    },
    realPath: async (path) => {
      strike('realPath', path, false);
      const at = resolve(path, 'realPath');
      if (!nodes.has(at)) {
        throw systemError('ENOENT', 'realPath', path);
      }
      return at;
    },
    writeAtomic: async (path, data, mode) =>
      write('writeAtomic', path, () => {
        const at = place(path, 'writeAtomic');
        if (nodes.get(at)?.kind === 'directory') {
          throw systemError('EISDIR', 'writeAtomic', path);
        }
        putFile(at, data, mode);
      }),
    writeNew: async (path, data, mode) =>
      write('writeNew', path, () => {
        const at = place(path, 'writeNew');
        refuse(at, 'writeNew');
        putFile(at, data, mode);
      }),
    appendDurable: async (path, data) =>
      write('appendDurable', path, () => {
        const at = place(path, 'appendDurable');
        const node = nodes.get(at);
        if (node !== undefined && node.kind !== 'file') {
          throw systemError(node.kind === 'symlink' ? 'ELOOP' : 'EISDIR', 'appendDurable', path);
        }
        putFile(at, Buffer.concat([node?.data ?? new Uint8Array(), toBytes(data)]), node?.mode ?? 0o600);
      }),
    makeDirectory: async (path, mode) =>
      write('makeDirectory', path, () => {
        const at = key(path);
        for (let up = at; ; up = paths.dirname(up)) {
          const kind = nodes.get(up)?.kind;
          if (kind === 'file') {
            throw systemError(up === at ? 'EEXIST' : 'ENOTDIR', 'makeDirectory', path);
          }
          if (up === paths.dirname(up)) {
            break;
          }
        }
        ensureDirectories(resolve(path, 'makeDirectory'), mode);
      }),
    rename: async (from, to) =>
      write('rename', to, () => {
        const source = place(from, 'rename');
        const target = place(to, 'rename');
        const moved = [...nodes].filter(([path]) => path === source || isInside(path, source));
        if (moved.length === 0) {
          throw systemError('ENOENT', 'rename', from);
        }
        if ([...nodes.keys()].some((path) => isInside(path, target))) {
          throw systemError('ENOTEMPTY', 'rename', to);
        }
        removeTree(source);
        for (const [path, node] of moved) {
          nodes.set(target + path.slice(source.length), node);
        }
      }),
    link: async (from, to) =>
      write('link', to, () => {
        const node = nodes.get(place(from, 'link'));
        const target = place(to, 'link');
        refuse(target, 'link');
        if (node === undefined) {
          throw systemError('ENOENT', 'link', from);
        }
        nodes.set(target, node);
      }),
    copy: async (from, to, mode) =>
      write('copy', to, () => {
        const { data } = readable(from, 'copy');
        const target = place(to, 'copy');
        refuse(target, 'copy');
        putFile(target, data.slice(), mode);
      }),
    chmod: async (path, mode) =>
      write('chmod', path, () => {
        const node = nodes.get(resolve(path, 'chmod'));
        if (node === undefined) {
          throw systemError('ENOENT', 'chmod', path);
        }
        node.mode = mode;
      }),
    remove: async (path) =>
      write('remove', path, () => {
        removeTree(key(path));
      }),
    sha256: async (path) => createHash('sha256').update(readable(path, 'sha256').data).digest('hex'),
    freeBytes: async () => files.freeSpaceBytes,
  };
  nodes.set(platform === 'win32' ? 'C:\\' : '/', { kind: 'directory', mode: 0o755, modifiedMs: nowMs() });
  return files;
}

/** An error as the system makes it. */
export function systemError(code: string, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${call} '${path}'`), { code, syscall: call, path });
}

function toBytes(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? new TextEncoder().encode(data) : data.slice();
}
