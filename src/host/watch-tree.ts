import { promises as fs, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import type { TreeWatch, WatchOptions } from './types.ts';

/** See Host.watchTree. */
export async function watchTree(
  platform: NodeJS.Platform,
  path: string,
  options: WatchOptions,
): Promise<TreeWatch> {
  return platform === 'darwin' || platform === 'win32'
    ? watchWhole(path, options)
    : TreeOfWatches.open(path, options);
}

/** The system itself watches what lies below. */
function watchWhole(path: string, { onChange }: WatchOptions): TreeWatch {
  const watcher = watch(path, { recursive: true, persistent: false }, (_event, name) => {
    if (name !== null) {
      onChange(join(path, name));
    }
  });
  watcher.on('error', () => {
    watcher.close();
  });
  return {
    isComplete: true,
    close: () => {
      watcher.close();
    },
  };
}

/** One watch for each directory, as inotify(7) has it. Symlinks are not followed. */
class TreeOfWatches implements TreeWatch {
  readonly #options: WatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  #isClosed = false;
  isComplete = true;

  private constructor(options: WatchOptions) {
    this.#options = options;
  }

  static async open(path: string, options: WatchOptions): Promise<TreeOfWatches> {
    const tree = new TreeOfWatches(options);
    await tree.#add(path);
    return tree;
  }

  close(): void {
    this.#isClosed = true;
    for (const watcher of this.#watchers.values()) {
      watcher.close();
    }
    this.#watchers.clear();
  }

  /** Watches a directory and those below it, the near ones first. */
  async #add(path: string): Promise<void> {
    const waiting = [path];
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (this.#isClosed || this.#watchers.has(next) || !this.#watch(next)) {
        continue;
      }
      const entries = await fs.readdir(next, { withFileTypes: true }).catch(() => []);
      for (const entry of entries) {
        if (entry.isDirectory()) {
          waiting.push(join(next, entry.name));
        }
      }
    }
  }

  #watch(path: string): boolean {
    if (this.#watchers.size >= this.#options.directoriesMax) {
      this.isComplete = false;
      return false;
    }
    try {
      const watcher = watch(path, { persistent: false }, (event, name) => {
        void this.#onEvent(path, event, name);
      });
      watcher.on('error', () => {
        this.#forget(path);
      });
      this.#watchers.set(path, watcher);
      return true;
    } catch {
      // Gone meanwhile, not readable, or the system has no more watches to give.
      this.isComplete = false;
      return false;
    }
  }

  async #onEvent(directory: string, event: string, name: string | null): Promise<void> {
    const path = name === null ? directory : join(directory, name);
    const stat = event === 'rename' ? await fs.lstat(path).catch(() => undefined) : undefined;
    if (this.#isClosed) {
      return;
    }
    if (event === 'rename' && stat === undefined) {
      this.#forget(path);
    }
    if (stat?.isDirectory() === true) {
      await this.#add(path);
    }
    this.#options.onChange(path);
  }

  #forget(path: string): void {
    this.#watchers.get(path)?.close();
    this.#watchers.delete(path);
  }
}
