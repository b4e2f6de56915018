import { messageOf } from '../core/errors.ts';
import type { RunningContainer } from '../engine/containers.ts';
import type { FileStat, Host, TreeWatch } from '../host/types.ts';
import type { MachineShare } from '../machine/shares.ts';
import type { SshConnection } from '../ssh/types.ts';
import { GuestWaker } from './guest-waker.ts';
import { directoriesBelow } from './directories-below.ts';
import { guestPathOf, watchedBinds, type WatchedBind } from './watched-binds.ts';

/** What the relay needs of the agent around it. */
export interface RelayWorld {
  readonly host: Pick<Host, 'clock' | 'files' | 'watchTree'>;
  readonly signal: AbortSignal;
  readonly connection: () => Promise<SshConnection>;
  readonly shares: readonly MachineShare[];
  readonly say: (message: string) => void;
}

/** Changes come in showers. */
const gatherMs = 50;
/** What changes all the time is told in ever longer pauses, up to the second. */
const pauseMs = 100;
const longestPauseMs = 10_000;
/** A container that is started again finds its directories watched. */
const lingerMs = 15_000;
const bindsMax = 16;
const directoriesMax = 2_000;
/** In one shower. What is beyond it is not passed on. */
const pathsMax = 1_000;
const rememberedMax = 10_000;
/** Thousands of directories that are written by programs. */
const skipped: ReadonlySet<string> = new Set(['.git', '.hg', '.svn', 'node_modules']);

interface Watched {
  readonly bind: WatchedBind;
  readonly watch: TreeWatch;
  /** When no container had it any more. */
  unusedMs?: number;
}

interface PassedOn {
  /** What it was like. */
  readonly mark: string;
  readonly atMs: number;
  readonly pauseMs: number;
}

/**
 * Tells a machine of changes that are made on this computer: programs in containers that wait for them with inotify(7) are
 * not woken by a shared file system. Directories are watched only while a container has them.
 *
 * What is told is told in a way that cannot change a file, whoever writes it at that moment; see GuestWaker. The directories
 * of 9p are mounted with `posixacl` for it.
 */
export class ChangeRelay {
  readonly #world: RelayWorld;
  readonly #waker: GuestWaker;
  readonly #watches = new Map<string, Watched>();
  /** What is to be told, and when. */
  readonly #changed = new Map<string, { readonly bind: WatchedBind; readonly dueMs: number }>();
  readonly #passed = new Map<string, PassedOn>();
  #isAtWork = false;

  constructor(world: RelayWorld) {
    this.#world = world;
    this.#waker = new GuestWaker(world.connection, () => {
      world.say('The machine cannot be told of changes of files: its image is older than that.');
    });
  }

  /** Watches what these containers have, and nothing else. */
  async update(containers: readonly RunningContainer[]): Promise<void> {
    const binds = watchedBinds(containers, this.#world.shares).slice(0, bindsMax);
    await this.#dropOthers(new Set(binds.map(keyOf)));
    for (const bind of binds.filter((each) => !this.#watches.has(keyOf(each)))) {
      await this.#watch(bind);
    }
    if (this.#watches.size === 0) {
      this.close();
    }
  }

  /** Ends all of it. */
  close(): void {
    for (const { watch } of this.#watches.values()) {
      watch.close();
    }
    this.#watches.clear();
    this.#changed.clear();
    this.#passed.clear();
    this.#waker.close();
  }

  async #dropOthers(keys: ReadonlySet<string>): Promise<void> {
    const nowMs = this.#world.host.clock.monotonicMs();
    for (const [key, watched] of this.#watches) {
      if (keys.has(key)) {
        delete watched.unusedMs;
        continue;
      }
      watched.unusedMs ??= nowMs;
      if (nowMs - watched.unusedMs >= lingerMs) {
        watched.watch.close();
        this.#watches.delete(key);
        await this.#waker.unpin(watched.bind.guestPath);
      }
    }
  }

  async #watch(bind: WatchedBind): Promise<void> {
    const { host, say } = this.#world;
    if ((await host.files.stat(bind.path).catch(() => undefined))?.kind !== 'directory') {
      return;
    }
    const onChange = (path: string): void => {
      this.#note(bind, path);
    };
    const options = { directoriesMax, skipped, onChange };
    const watch = await host.watchTree(bind.path, options).catch((error: unknown) => {
      say(`Changes in ${bind.path} are not told to the machine: ${messageOf(error)}`);
      return unwatched;
    });
    this.#watches.set(keyOf(bind), { bind, watch });
    if (!watch.isComplete && watch !== unwatched) {
      say(`Not all changes in ${bind.path} are told to the machine: it has too many directories.`);
    }
    await this.#pin(bind, bind.path);
  }

  /** Where it takes that for programs to be woken: with 9p, which also stands in for virtiofs. */
  async #pin(bind: WatchedBind, path: string): Promise<void> {
    if (bind.way !== 'sftp') {
      const found = await directoriesBelow(this.#world.host.files, path, { directoriesMax, skipped });
      await this.#waker.pin(found.map((each) => guestPathOf(bind, each)));
    }
  }

  #note(bind: WatchedBind, path: string): void {
    if (this.#changed.size >= pathsMax || this.#changed.has(path)) {
      return;
    }
    const last = this.#passed.get(path);
    const nowMs = this.#world.host.clock.monotonicMs();
    const dueMs = Math.max(nowMs + gatherMs, last === undefined ? 0 : last.atMs + last.pauseMs);
    this.#changed.set(path, { bind, dueMs });
    if (!this.#isAtWork) {
      this.#isAtWork = true;
      this.#work()
        .catch((error: unknown) => {
          if (!this.#world.signal.aborted) {
            this.#world.say(`Changes of files were not told to the machine: ${messageOf(error)}`);
          }
          this.#changed.clear();
        })
        .finally(() => {
          this.#isAtWork = false;
        });
    }
  }

  /** Passes on what is due, until there is nothing more. */
  async #work(): Promise<void> {
    const { host, signal } = this.#world;
    while (this.#changed.size > 0) {
      await host.clock.sleep(gatherMs, signal);
      const nowMs = host.clock.monotonicMs();
      const due = [...this.#changed].filter(([, { dueMs }]) => dueMs <= nowMs);
      for (const [path] of due) {
        this.#changed.delete(path);
      }
      await this.#passOn(due.map(([path, { bind }]) => ({ path, bind })));
    }
  }

  async #passOn(changed: readonly { readonly path: string; readonly bind: WatchedBind }[]): Promise<void> {
    const files = new Set<string>();
    const directories = new Map<string, number>();
    for (const { path, bind } of changed) {
      const stat = await this.#world.host.files.stat(path).catch(() => undefined);
      if (!this.#isNew(path, stat)) {
        continue;
      }
      if (stat?.kind === 'file') {
        files.add(guestPathOf(bind, path));
      } else if (stat?.kind === 'directory') {
        directories.set(guestPathOf(bind, path), stat.uid);
        await this.#pin(bind, path);
      } else {
        await this.#waker.unpin(guestPathOf(bind, path));
      }
      if (stat?.kind !== 'file') {
        const parent = parentOf(path);
        const owner = await this.#ownerOf(bind, parent);
        if (owner !== undefined) {
          directories.set(guestPathOf(bind, parent), owner);
        }
      }
    }
    if (this.#watches.size > 0) {
      const owned = [...directories].map(([path, uid]) => ({ path, uid: Math.max(0, uid) }));
      await this.#waker.wake({ files: [...files], directories: owned });
    }
  }

  /** Whoever waits for a directory is told that something in it has come or gone. */
  async #ownerOf(bind: WatchedBind, directory: string): Promise<number | undefined> {
    if (directory.length < bind.path.length) {
      return undefined;
    }
    const stat = await this.#world.host.files.stat(directory).catch(() => undefined);
    return stat?.kind === 'directory' ? stat.uid : undefined;
  }

  /** False when it is as it was when it was passed on. What the machine does to be woken changes nothing of that. */
  #isNew(path: string, stat: FileStat | undefined): boolean {
    const mark = stat === undefined ? 'gone' : markOf(stat);
    const last = this.#passed.get(path);
    if (last?.mark === mark) {
      return false;
    }
    if (this.#passed.size >= rememberedMax) {
      this.#passed.clear();
    }
    const atMs = this.#world.host.clock.monotonicMs();
    const isBusy = last !== undefined && atMs - last.atMs <= 2 * last.pauseMs + gatherMs;
    const pause = isBusy ? Math.min(2 * last.pauseMs, longestPauseMs) : pauseMs;
    this.#passed.set(path, { mark, atMs, pauseMs: pause });
    return true;
  }
}

const unwatched: TreeWatch = { isComplete: false, close: () => undefined };

function keyOf({ path, guestPath }: WatchedBind): string {
  return `${path}\n${guestPath}`;
}

function parentOf(path: string): string {
  return path.replace(/[\\/][^\\/]*$/, '');
}

function markOf({ kind, sizeBytes, mode, modifiedMs }: FileStat): string {
  return [kind, sizeBytes, mode, modifiedMs].join(' ');
}
