import { createHash } from 'node:crypto';
import { brotliDecompressSync, constants, crc32 } from 'node:zlib';
import { MachineError, messageOf, systemCode } from '../../src/core/errors.ts';
import type { DirectoryEntry, Files, FileStat, UnpackOptions } from '../../src/host/types.ts';
import { FaultList, type Fault } from './faults.ts';
import { MemoryTree, systemError, type MemoryNode } from './memory-tree.ts';

/** Names of the methods of Files that change something. */
export type WriteOperation =
  | 'writeAtomic'
  | 'writeNew'
  | 'appendDurable'
  | 'append'
  | 'overwrite'
  | 'makeDirectory'
  | 'rename'
  | 'link'
  | 'copy'
  | 'unpackBrotli'
  | 'chmod'
  | 'grow'
  | 'remove';

/** Files in memory, with what a test wants to look at. */
export interface MemoryFiles extends Files {
  /** Every node by its normalised absolute path. */
  readonly nodes: Map<string, MemoryNode>;
  /** Writing operations in their order, as `operation path`. */
  readonly writes: string[];
  freeSpaceBytes: number;
  /** Without an operation the fault hits every writing operation. */
  inject(fault: Fault): void;
  /** Takes all faults back. */
  heal(): void;
  /** Puts a file and its parents there, without a trace in `writes`. */
  put(path: string, data: string | Uint8Array, mode?: number): void;
  putDirectory(path: string, mode?: number): void;
  putSymlink(path: string, target: string): void;
  /** Text of a file, undefined when there is none. */
  text(path: string): string | undefined;
}

/** An empty file system with a root directory. Symlinks are followed by `realPath` and the readers. */
export function createMemoryFiles(platform: NodeJS.Platform, nowMs: () => number): MemoryFiles {
  return new MemoryFileSystem(platform, nowMs);
}

class MemoryFileSystem implements MemoryFiles {
  readonly nodes: Map<string, MemoryNode>;
  readonly writes: string[] = [];
  freeSpaceBytes = 100 * 1024 ** 3;
  readonly #tree: MemoryTree;
  readonly #uid: number;
  readonly #faults: FaultList;

  constructor(platform: NodeJS.Platform, nowMs: () => number) {
    this.#tree = new MemoryTree(platform, nowMs);
    this.nodes = this.#tree.nodes;
    this.#faults = new FaultList((path) => this.#tree.key(path));
    this.#uid = platform === 'win32' ? -1 : 1000;
  }

  inject(fault: Fault): void {
    this.#faults.add(fault);
  }

  heal(): void {
    this.#faults.clear();
  }

  put(path: string, data: string | Uint8Array, mode = 0o600): void {
    this.putDirectory(this.#tree.paths.dirname(this.#tree.key(path)));
    this.#tree.putFile(this.#tree.key(path), data, mode);
  }

  putDirectory(path: string, mode = 0o700): void {
    this.#tree.putDirectory(path, mode);
  }

  putSymlink(path: string, target: string): void {
    this.#tree.putSymlink(path, target);
  }

  text(path: string): string | undefined {
    const node = this.nodes.get(this.#tree.key(path));
    return node?.kind === 'file' ? Buffer.from(node.data).toString('utf8') : undefined;
  }

  async readText(path: string): Promise<string> {
    return Buffer.from(this.#readable(path, 'readText')).toString('utf8');
  }

  async readBytes(path: string): Promise<Uint8Array> {
    return this.#readable(path, 'readBytes').slice();
  }

  async readRange(path: string, offset: number, lengthMaxBytes: number): Promise<Uint8Array> {
    return this.#readable(path, 'readRange').slice(offset, offset + lengthMaxBytes);
  }

  async list(path: string): Promise<DirectoryEntry[]> {
    this.#faults.strike('list', path, false);
    const at = this.#tree.resolve(path, 'list');
    const kind = this.nodes.get(at)?.kind;
    if (kind !== 'directory') {
      throw systemError(kind === undefined ? 'ENOENT' : 'ENOTDIR', 'list', path);
    }
    return [...this.nodes]
      .filter(([name]) => name !== at && this.#tree.paths.dirname(name) === at)
      .map(([name, node]) => ({ name: this.#tree.paths.basename(name), kind: node.kind }));
  }

  async stat(path: string): Promise<FileStat | undefined> {
    this.#faults.strike('stat', path, false);
    const at = this.#tree.key(path);
    const parent = this.#tree.paths.dirname(at);
    const real =
      parent === at
        ? at
        : this.#tree.paths.join(this.#tree.resolve(parent, 'stat'), this.#tree.paths.basename(at));
    const node = this.nodes.get(this.#tree.key(real));
    if (node === undefined) {
      return undefined;
    }
    const sizeBytes = node.kind === 'file' ? Math.max(node.data.length, node.sizeBytes ?? 0) : 0;
    return { kind: node.kind, sizeBytes, mode: node.mode, modifiedMs: node.modifiedMs, uid: this.#uid };
  }

  async realPath(path: string): Promise<string> {
    this.#faults.strike('realPath', path, false);
    const at = this.#tree.resolve(path, 'realPath');
    if (!this.nodes.has(at)) {
      throw systemError('ENOENT', 'realPath', path);
    }
    return at;
  }

  async writeAtomic(path: string, data: string | Uint8Array, mode: number): Promise<void> {
    this.#write('writeAtomic', path, () => {
      const at = this.#tree.place(path, 'writeAtomic');
      if (this.nodes.get(at)?.kind === 'directory') {
        throw systemError('EISDIR', 'writeAtomic', path);
      }
      this.#tree.putFile(at, data, mode);
    });
  }

  async writeNew(path: string, data: string | Uint8Array, mode: number): Promise<void> {
    this.#write('writeNew', path, () => {
      this.#tree.putFile(this.#tree.vacant(path, 'writeNew'), data, mode);
    });
  }

  async appendDurable(path: string, data: string): Promise<void> {
    this.#append('appendDurable', path, data);
  }

  async append(path: string, data: string): Promise<void> {
    this.#append('append', path, data);
  }

  #append(operation: 'appendDurable' | 'append', path: string, data: string): void {
    this.#write(operation, path, () => {
      const at = this.#tree.place(path, operation);
      const node = this.nodes.get(at);
      if (node !== undefined && node.kind !== 'file') {
        throw systemError(node.kind === 'symlink' ? 'ELOOP' : 'EISDIR', operation, path);
      }
      const before = node?.data ?? new Uint8Array();
      this.#tree.putFile(at, Buffer.concat([before, new TextEncoder().encode(data)]), node?.mode ?? 0o600);
    });
  }

  async overwrite(path: string, offset: number, data: Uint8Array): Promise<void> {
    this.#write('overwrite', path, () => {
      this.#readable(path, 'overwrite').set(data, offset);
    });
  }

  async makeDirectory(path: string, mode: number): Promise<void> {
    this.#write('makeDirectory', path, () => {
      for (
        let at = this.#tree.key(path);
        at !== this.#tree.paths.dirname(at);
        at = this.#tree.paths.dirname(at)
      ) {
        if (this.nodes.get(at)?.kind === 'file') {
          throw systemError(at === this.#tree.key(path) ? 'EEXIST' : 'ENOTDIR', 'makeDirectory', path);
        }
      }
      this.putDirectory(this.#tree.resolve(path, 'makeDirectory'), mode);
    });
  }

  async rename(from: string, to: string): Promise<void> {
    this.#write('rename', to, () => {
      const source = this.#tree.place(from, 'rename');
      const target = this.#tree.place(to, 'rename');
      const moved = [...this.nodes].filter(([path]) => this.#tree.isWithin(path, source));
      if (moved.length === 0) {
        throw systemError('ENOENT', 'rename', from);
      }
      if ([...this.nodes.keys()].some((path) => path !== target && this.#tree.isWithin(path, target))) {
        throw systemError('ENOTEMPTY', 'rename', to);
      }
      this.#tree.removeTree(source);
      for (const [path, node] of moved) {
        this.nodes.set(target + path.slice(source.length), node);
      }
    });
  }

  async link(from: string, to: string): Promise<void> {
    this.#write('link', to, () => {
      const node = this.nodes.get(this.#tree.place(from, 'link'));
      const target = this.#tree.vacant(to, 'link');
      if (node === undefined) {
        throw systemError('ENOENT', 'link', from);
      }
      this.nodes.set(target, node);
    });
  }

  async copy(from: string, to: string, mode: number): Promise<void> {
    this.#write('copy', to, () => {
      const data = this.#readable(from, 'copy').slice();
      this.#tree.putFile(this.#tree.vacant(to, 'copy'), data, mode);
    });
  }

  async unpackBrotli(from: string, to: string, { sizeMaxBytes, mode }: UnpackOptions): Promise<void> {
    const packed = this.#readable(from, 'unpackBrotli');
    this.#write('unpackBrotli', to, () => {
      const params = { [constants.BROTLI_DECODER_PARAM_LARGE_WINDOW]: 1 };
      const data = brotliDecompressSync(packed, { params, maxOutputLength: sizeMaxBytes });
      this.#tree.putFile(this.#tree.vacant(to, 'unpackBrotli'), data, mode);
    });
  }

  async chmod(path: string, mode: number): Promise<void> {
    this.#write('chmod', path, () => {
      const node = this.nodes.get(this.#tree.resolve(path, 'chmod'));
      if (node === undefined) {
        throw systemError('ENOENT', 'chmod', path);
      }
      node.mode = mode;
    });
  }

  async grow(path: string, sizeBytes: number): Promise<void> {
    this.#write('grow', path, () => {
      const node = this.nodes.get(this.#tree.resolve(path, 'grow'));
      if (node?.kind !== 'file') {
        throw systemError('ENOENT', 'grow', path);
      }
      node.sizeBytes = Math.max(node.sizeBytes ?? 0, sizeBytes);
    });
  }

  async remove(path: string): Promise<void> {
    this.#write('remove', path, () => {
      this.#tree.removeTree(this.#tree.key(path));
    });
  }

  async sha256(path: string): Promise<string> {
    return createHash('sha256').update(this.#readable(path, 'sha256')).digest('hex');
  }

  async crc32(path: string): Promise<number> {
    return crc32(this.#readable(path, 'crc32'));
  }

  async freeBytes(): Promise<number> {
    return this.freeSpaceBytes;
  }

  #readable(path: string, operation: keyof Files): Uint8Array {
    this.#faults.strike(operation, path, false);
    const node = this.nodes.get(this.#tree.resolve(path, operation));
    if (node?.kind !== 'file') {
      throw systemError(node === undefined ? 'ENOENT' : 'EISDIR', operation, path);
    }
    return node.data;
  }

  #write(operation: WriteOperation, path: string, action: () => void): void {
    try {
      this.#faults.strike(operation, path, true);
      action();
      this.writes.push(`${operation} ${path}`);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EEXIST' && operation !== 'makeDirectory') {
        throw error;
      }
      throw new MachineError('store-write-failed', `Cannot ${operation} ${path}: ${messageOf(error)}.`, {
        cause: error,
        facts: { path, systemCode: code },
      });
    }
  }
}
