import { posix, win32, type PlatformPath } from 'node:path';

/** What a path of the memory file system holds. */
export type MemoryNode =
  | {
      readonly kind: 'file';
      data: Uint8Array;
      mode: number;
      modifiedMs: number;
      /** Larger than the data where there is a hole at the end. */
      sizeBytes?: number;
    }
  | { readonly kind: 'directory'; mode: number; modifiedMs: number }
  | { readonly kind: 'symlink'; readonly target: string; mode: number; modifiedMs: number };

/** Files, directories and symlinks by their normalised absolute path. */
export class MemoryTree {
  readonly nodes = new Map<string, MemoryNode>();
  readonly paths: PlatformPath;
  readonly #nowMs: () => number;

  constructor(platform: NodeJS.Platform, nowMs: () => number) {
    const isWindows = platform === 'win32';
    this.paths = isWindows ? win32 : posix;
    this.#nowMs = nowMs;
    this.nodes.set(isWindows ? 'C:\\' : '/', { kind: 'directory', mode: 0o755, modifiedMs: nowMs() });
  }

  /** Also makes missing parents. */
  putDirectory(path: string, mode: number): void {
    for (let at = this.key(path); !this.nodes.has(at); at = this.paths.dirname(at)) {
      this.nodes.set(at, { kind: 'directory', mode, modifiedMs: this.#nowMs() });
    }
  }

  /** The normal form under which a path is kept. */
  key(path: string): string {
    const normal = this.paths.normalize(path);
    const isRoot = this.paths.dirname(normal) === normal;
    return normal.endsWith(this.paths.sep) && !isRoot ? normal.slice(0, -1) : normal;
  }

  /** Resolves symlinks in every part of the path. */
  resolve(path: string, operation: string, depth = 0): string {
    const at = this.key(path);
    if (depth > 20) {
      throw systemError('ELOOP', operation, path);
    }
    const parent = this.paths.dirname(at);
    const real =
      parent === at
        ? at
        : this.key(this.paths.join(this.resolve(parent, operation, depth), this.paths.basename(at)));
    const node = this.nodes.get(real);
    return node?.kind === 'symlink'
      ? this.resolve(this.paths.resolve(this.paths.dirname(real), node.target), operation, depth + 1)
      : real;
  }

  /** Resolves symlinks in the parents only, and requires the parent to be a directory. */
  place(path: string, operation: string): string {
    const at = this.key(path);
    const parent = this.resolve(this.paths.dirname(at), operation);
    const kind = this.nodes.get(parent)?.kind;
    if (kind !== 'directory') {
      throw systemError(kind === undefined ? 'ENOENT' : 'ENOTDIR', operation, path);
    }
    return parent === at ? at : this.key(this.paths.join(parent, this.paths.basename(at)));
  }

  vacant(path: string, operation: string): string {
    const at = this.place(path, operation);
    if (this.nodes.has(at)) {
      throw systemError('EEXIST', operation, path);
    }
    return at;
  }

  putFile(at: string, data: string | Uint8Array, mode: number): void {
    this.nodes.set(at, { kind: 'file', data: toBytes(data), mode, modifiedMs: this.#nowMs() });
  }

  isWithin(path: string, directory: string): boolean {
    const prefix = directory.endsWith(this.paths.sep) ? directory : directory + this.paths.sep;
    return path === directory || path.startsWith(prefix);
  }

  removeTree(at: string): void {
    for (const path of [...this.nodes.keys()]) {
      if (this.isWithin(path, at)) {
        this.nodes.delete(path);
      }
    }
  }

  putSymlink(path: string, target: string): void {
    this.putDirectory(this.paths.dirname(this.key(path)), 0o700);
    this.nodes.set(this.key(path), { kind: 'symlink', target, mode: 0o777, modifiedMs: this.#nowMs() });
  }
}

/** An error as the system makes it. */
export function systemError(code: string, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${call} '${path}'`), { code, syscall: call, path });
}

function toBytes(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? new TextEncoder().encode(data) : data.slice();
}
