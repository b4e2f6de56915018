import { promises as fs, watch, type FSWatcher } from 'node:fs';
import { join, sep } from 'node:path';
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
function watchWhole(path: string, { skipped, onChange }: WatchOptions): TreeWatch {
  const watcher = watch(path, { recursive: true, persistent: false }, (_event, name) => {
    if (name?.split(/[\\/]/).some((part) => skipped.has(part)) === false) {
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
  readonly #watchers = new Map<string, { readonly watcher: FSWatcher; readonly inode: number }>();
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
    for (const { watcher } of this.#watchers.values()) {
      watcher.close();
    }
    this.#watchers.clear();
  }

  /** Watches a directory and those below it, the near ones first. @returns what else is in them. */
  async #add(path: string): Promise<string[]> {
    const others: string[] = [];
    const waiting = [path];
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const stat = await fs.lstat(next).catch(() => undefined);
      if (this.#isClosed || stat === undefined || !this.#watch(next, stat.ino)) {
        continue;
      }
      const entries = await fs.readdir(next, { withFileTypes: true }).catch(() => []);
      for (const entry of entries.filter(({ name }) => !this.#options.skipped.has(name))) {
        (entry.isDirectory() ? waiting : others).push(join(next, entry.name));
      }
    }
    return others;
  }

  /** @returns false when it is watched already, or cannot be. */
  #watch(path: string, inode: number): boolean {
    const present = this.#watchers.get(path);
    if (present?.inode === inode) {
      return false;
    }
    if (present !== undefined) {
      // Another directory has its name now.
      this.#forget(path);
    }
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
      this.#watchers.set(path, { watcher, inode });
      return true;
    } catch {
      // Gone meanwhile, not readable, or the system has no more watches to give.
      this.isComplete = false;
      return false;
    }
  }

  async #onEvent(directory: string, event: string, name: string | null): Promise<void> {
    if (name !== null && this.#options.skipped.has(name)) {
      return;
    }
    const path = name === null ? directory : join(directory, name);
    const stat = event === 'rename' ? await fs.lstat(path).catch(() => undefined) : undefined;
    if (this.#isClosed) {
      return;
    }
    if (event === 'rename' && stat?.isDirectory() !== true) {
      this.#forget(path);
    }
    // What is in a new directory came before it was watched.
    const others = stat?.isDirectory() === true ? await this.#add(path) : [];
    for (const changed of [path, ...others]) {
      this.#options.onChange(changed);
    }
  }

  /** Ends the watches of a directory and of those below it. */
  #forget(path: string): void {
    for (const [each, { watcher }] of this.#watchers) {
      if (each === path || each.startsWith(join(path, sep))) {
        watcher.close();
        this.#watchers.delete(each);
      }
    }
  }
}
