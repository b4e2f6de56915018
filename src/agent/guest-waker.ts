import type { RemoteProcess, SshConnection } from '../ssh/types.ts';
import { quoteArgument, quoteArgv } from '../ssh/quote.ts';

/** What has changed, by its paths in the machine. */
export interface ChangedPaths {
  readonly files: readonly string[];
  /** With the owner that each has. */
  readonly directories: readonly { readonly path: string; readonly uid: number }[];
}

/** Below the limit of open files that a shell of the machine has. */
const pinsMax = 500;
/** The numbers below are the shell's own. */
const firstPin = 20;
/** Paths in one command: what a kernel takes as arguments is far more. */
const batch = 100;
const missingCode = 3;
const defaultAcl = 'system.posix_acl_default';

/** Takes commands from its input. */
const helper = `sudo -n sh -c ${quoteArgument(
  `command -v setfattr >/dev/null || exit ${String(missingCode)}; exec 2>/dev/null; exec sh`,
)}`;

/**
 * Wakes programs in a machine that wait for changes with inotify(7), in ways that can change nothing:
 *
 * - For a file the default ACL is removed, which only directories can have. The machine's kernel answers that by itself,
 *   without asking for the file's size and without a word to this computer, and tells of it as of a change of attributes.
 * - A directory is given to the owner that it has.
 */
export class GuestWaker {
  readonly #connection: () => Promise<SshConnection>;
  readonly #onMissing: () => void;
  readonly #pins = new Map<string, number>();
  #helper: Promise<RemoteProcess> | undefined;
  #isMissing = false;

  /** @param onMissing is called when the machine lacks what is needed; nothing is tried again then. */
  constructor(connection: () => Promise<SshConnection>, onMissing: () => void) {
    this.#connection = connection;
    this.#onMissing = onMissing;
  }

  /** @throws what the connection throws. */
  async wake(changed: ChangedPaths): Promise<void> {
    await this.#send(wakeCommands(changed));
  }

  /**
   * Keeps directories open in the machine, as far as that can be: with 9p a directory that nobody has open is another one
   * to the machine each time it is found, and who waits for the former is not woken.
   * @throws what the connection throws.
   */
  async pin(paths: readonly string[]): Promise<void> {
    const isRunning = this.#helper !== undefined;
    const lines: string[] = [];
    for (const path of paths.filter((each) => !this.#pins.has(each))) {
      const number = this.#freePin();
      if (number !== undefined) {
        this.#pins.set(path, number);
        lines.push(pinCommand(path, number));
      }
    }
    // One that starts opens all of them.
    if (lines.length > 0 && !this.#isMissing) {
      await (isRunning ? this.#send(lines) : this.#running());
    }
  }

  /** Lets go of a directory and of those below it. @throws what the connection throws. */
  async unpin(path: string): Promise<void> {
    const lines: string[] = [];
    for (const [each, number] of this.#pins) {
      if (each === path || each.startsWith(`${path}/`)) {
        this.#pins.delete(each);
        lines.push(`exec ${String(number)}<&-`);
      }
    }
    if (this.#helper !== undefined) {
      await this.#send(lines);
    }
  }

  /** Ends what runs in the machine. It begins again when there is something to do. */
  close(): void {
    const last = this.#helper;
    this.#pins.clear();
    this.#helper = undefined;
    last?.then(
      ({ stdin }) => stdin.end(),
      () => undefined,
    );
  }

  #freePin(): number | undefined {
    const taken = new Set(this.#pins.values());
    for (let number = firstPin; number < firstPin + pinsMax; number += 1) {
      if (!taken.has(number)) {
        return number;
      }
    }
    return undefined;
  }

  async #send(lines: readonly string[]): Promise<void> {
    if (lines.length > 0 && !this.#isMissing) {
      const { stdin } = await this.#running();
      stdin.write(lines.map((line) => `${line}\n`).join(''));
    }
  }

  async #running(): Promise<RemoteProcess> {
    if (this.#helper === undefined) {
      const made = this.#start();
      this.#helper = made;
      const forget = (): void => {
        this.#helper = this.#helper === made ? undefined : this.#helper;
      };
      made.then(async ({ ended }) => ended).then(forget, forget);
    }
    return this.#helper;
  }

  async #start(): Promise<RemoteProcess> {
    const connection = await this.#connection();
    const started = await connection.start(helper);
    started.stdin.on('error', () => undefined);
    started.stdout.resume();
    started.stderr.resume();
    started.ended.then(
      ({ exitCode }) => {
        if (exitCode === missingCode && !this.#isMissing) {
          this.#isMissing = true;
          this.#onMissing();
        }
      },
      () => undefined,
    );
    for (const [path, number] of this.#pins) {
      started.stdin.write(`${pinCommand(path, number)}\n`);
    }
    return started;
  }
}

/** `command` keeps a shell alive for which the directory is gone. */
function pinCommand(path: string, number: number): string {
  return `command exec ${String(number)}<${quoteArgument(path)}`;
}

/** What wakes them: commands of the machine's shell. */
function wakeCommands({ files, directories }: ChangedPaths): string[] {
  const owners = new Set(directories.map(({ uid }) => uid));
  return [
    ...batches(files).map((paths) => quoteArgv(['setfattr', '-h', '-x', defaultAcl, ...paths])),
    ...[...owners].flatMap((owner) => {
      const paths = directories.filter(({ uid }) => uid === owner).map(({ path }) => path);
      return batches(paths).map((some) => quoteArgv(['chown', '-h', String(owner), ...some]));
    }),
  ];
}

function batches(paths: readonly string[]): string[][] {
  const count = Math.ceil(paths.length / batch);
  return Array.from({ length: count }, (_, index) => paths.slice(index * batch, (index + 1) * batch));
}
