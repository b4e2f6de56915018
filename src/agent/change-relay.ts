import { messageOf } from '../core/errors.ts';
import type { RunningContainer } from '../engine/containers.ts';
import type { FileStat, Host, TreeWatch } from '../host/types.ts';
import type { MachineShare } from '../machine/shares.ts';
import type { RemoteProcess, SshConnection } from '../ssh/types.ts';
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
const bindsMax = 16;
const directoriesMax = 2_000;
/** In one shower. What is beyond it is not passed on. */
const pathsMax = 1_000;
const rememberedMax = 10_000;

/**
 * Opens each file that is named for writing, and sets its mode to what it is: neither changes it, and both wake who waits
 * for changes. A file that is gone is told by its directory.
 */
const helper = `sudo -n sh -c 'while IFS= read -r path; do
  [ -f "$path" ] && : >>"$path"
  chmod + "$path"
done 2>/dev/null'`;

/**
 * Tells a machine of changes that are made on this computer: programs in containers that wait for them with inotify(7) are
 * not woken by a shared file system. Directories are watched only while a running container has them.
 */
export class ChangeRelay {
  readonly #world: RelayWorld;
  readonly #watches = new Map<string, { readonly bind: WatchedBind; readonly watch: TreeWatch }>();
  readonly #changed = new Map<string, WatchedBind>();
  /** What files were like when they were passed on, so that what the machine does to them then is not passed on again. */
  readonly #passed = new Map<string, string>();
  #helper: RemoteProcess | undefined;
  #isGathering = false;

  constructor(world: RelayWorld) {
    this.#world = world;
  }

  /** Watches what the containers that run now have, and nothing else. */
  async update(containers: readonly RunningContainer[]): Promise<void> {
    const { host, shares, say } = this.#world;
    const binds = watchedBinds(containers, shares).slice(0, bindsMax);
    for (const [key, { watch }] of this.#watches) {
      if (!binds.some((bind) => keyOf(bind) === key)) {
        watch.close();
        this.#watches.delete(key);
      }
    }
    for (const bind of binds.filter((each) => !this.#watches.has(keyOf(each)))) {
      if ((await host.files.stat(bind.path).catch(() => undefined))?.kind !== 'directory') {
        continue;
      }
      const onChange = (path: string): void => {
        this.#note(bind, path);
      };
      const watch = await host.watchTree(bind.path, { directoriesMax, onChange }).catch((error: unknown) => {
        say(`Changes in ${bind.path} are not told to the machine: ${messageOf(error)}`);
        return unwatched;
      });
      this.#watches.set(keyOf(bind), { bind, watch });
      if (!watch.isComplete && watch !== unwatched) {
        say(`Not all changes in ${bind.path} are told to the machine: it has too many directories.`);
      }
    }
    if (binds.length === 0) {
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
    this.#helper?.stdin.end();
    this.#helper = undefined;
  }

  #note(bind: WatchedBind, path: string): void {
    if (this.#changed.size >= pathsMax) {
      return;
    }
    this.#changed.set(path, bind);
    if (!this.#isGathering) {
      this.#isGathering = true;
      this.#passOnSoon().catch((error: unknown) => {
        if (!this.#world.signal.aborted) {
          this.#world.say(`Changes of files were not told to the machine: ${messageOf(error)}`);
        }
      });
    }
  }

  async #passOnSoon(): Promise<void> {
    const { clock } = this.#world.host;
    await clock.sleep(gatherMs, this.#world.signal).finally(() => {
      this.#isGathering = false;
    });
    const changed = [...this.#changed];
    this.#changed.clear();
    const lines = new Set<string>();
    for (const [path, bind] of changed) {
      const target = await this.#targetOf(bind, path);
      const guestPath = target === undefined ? undefined : guestPathOf(bind, target);
      if (guestPath !== undefined) {
        lines.add(guestPath);
      }
    }
    if (lines.size > 0 && this.#watches.size > 0) {
      const { stdin } = await this.#openHelper();
      stdin.write(`${[...lines].join('\n')}\n`);
    }
  }

  /** The path that is to be told of; undefined when there is nothing new about it. */
  async #targetOf(bind: WatchedBind, path: string): Promise<string | undefined> {
    const stat = await this.#world.host.files.stat(path).catch(() => undefined);
    const mark = stat === undefined ? 'gone' : signatureOf(stat);
    if (this.#passed.get(path) === mark) {
      return undefined;
    }
    if (this.#passed.size >= rememberedMax) {
      this.#passed.clear();
    }
    this.#passed.set(path, mark);
    if (stat === undefined) {
      const parent = path.replace(/[\\/][^\\/]*$/, '');
      return parent.length < bind.path.length ? undefined : parent;
    }
    return stat.kind === 'file' || stat.kind === 'directory' ? path : undefined;
  }

  async #openHelper(): Promise<RemoteProcess> {
    if (this.#helper === undefined) {
      const connection = await this.#world.connection();
      const started = await connection.start(helper);
      started.stdout.resume();
      started.stderr.resume();
      const forget = (): void => {
        this.#helper = this.#helper === started ? undefined : this.#helper;
      };
      started.ended.then(forget, forget);
      this.#helper = started;
    }
    return this.#helper;
  }
}

const unwatched: TreeWatch = { isComplete: false, close: () => undefined };

function keyOf({ path, guestPath }: WatchedBind): string {
  return `${path}\n${guestPath}`;
}

function signatureOf({ kind, sizeBytes, mode, modifiedMs }: FileStat): string {
  return [kind, sizeBytes, mode, modifiedMs].join(' ');
}
