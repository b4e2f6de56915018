import { MachineError, messageOf } from '../core/errors.ts';
import type { Host, RawFiles } from '../host/types.ts';
import type { SshConnection } from '../ssh/types.ts';
import { backOffMs } from './back-off.ts';
import { sshfsCommand, waitCommand, type GuestMount } from './guest-sshfs.ts';
import { createTurn, serveSftp } from './sftp/serve.ts';
import { SharedTree } from './sftp/shared-tree.ts';

/** A directory of this computer and where a guest is to have it. */
export interface ServedShare extends GuestMount {
  readonly path: string;
}

/** What has become of one. */
export interface MountState {
  /** Of this computer. */
  readonly path: string;
  readonly state: 'mounted' | 'missing';
  /** Why it is missing, where that is known. */
  readonly reason?: string;
}

/** What the mounts need of the agent around them. */
export interface MountWorld {
  readonly host: Pick<Host, 'clock' | 'facts' | 'openRawFiles'>;
  /** Ends everything. */
  readonly signal: AbortSignal;
  readonly connection: () => Promise<SshConnection>;
  /** Called after every change. */
  readonly onChange: (states: readonly MountState[]) => void;
}

const mountTimeoutS = 30;
const errorBytesMax = 2000;

/**
 * Serves directories of this computer to a guest that mounts them with sshfs, over a connection that begins here: nothing
 * listens, and nobody needs a password. What ends is mounted again, until the signal comes. Outer directories come first.
 */
export async function keepMounts(world: MountWorld, shares: readonly ServedShare[]): Promise<void> {
  const files = await world.host.openRawFiles();
  const mounts = new Mounts(world, files, shares);
  const sorted = [...shares].sort((a, b) => a.path.length - b.path.length);
  await Promise.all(sorted.map(async (share, index) => mounts.keep(share, sorted.slice(0, index))));
}

/** A call, since the answer changes while others are waited for. */
function isOver({ aborted }: AbortSignal): boolean {
  return aborted;
}

class Mounts {
  readonly #world: MountWorld;
  readonly #files: RawFiles;
  readonly #turn = createTurn();
  readonly #states: Map<string, MountState>;
  #wake: (() => void)[] = [];

  constructor(world: MountWorld, files: RawFiles, shares: readonly ServedShare[]) {
    this.#world = world;
    this.#files = files;
    this.#states = new Map(shares.map(({ tag, path }) => [tag, { path, state: 'missing' }]));
  }

  /** Keeps one, once those before it are there or have failed. */
  async keep(share: ServedShare, before: readonly ServedShare[]): Promise<void> {
    const { signal, host } = this.#world;
    while (!isOver(signal) && before.some(({ tag }) => this.#isNew(tag))) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    let failures = 0;
    const onMounted = (): void => {
      failures = 0;
    };
    for (;;) {
      const reason = await this.#serve(share, onMounted).catch(messageOf);
      if (isOver(signal)) {
        return;
      }
      failures += 1;
      this.#set(share, { path: share.path, state: 'missing', reason });
      await host.clock.sleep(backOffMs(failures), signal).catch(() => undefined);
    }
  }

  #isNew(tag: string): boolean {
    const state = this.#states.get(tag);
    return state?.state === 'missing' && state.reason === undefined;
  }

  #set({ tag }: ServedShare, state: MountState): void {
    this.#states.set(tag, state);
    this.#world.onChange([...this.#states.values()]);
    for (const wake of this.#wake.splice(0)) {
      wake();
    }
  }

  /** Serves until sshfs or the connection ends. @returns why. */
  async #serve(share: ServedShare, onMounted: () => void): Promise<string> {
    const { host, signal } = this.#world;
    const tree = await SharedTree.open(host, this.#files, share);
    const connection = await this.#world.connection();
    const remote = await connection.start(sshfsCommand(share));
    const end = (): void => {
      remote.stdin.end();
      remote.kill();
    };
    signal.addEventListener('abort', end, { once: true });
    const errors: Buffer[] = [];
    remote.stderr.on('data', (chunk: Buffer) => {
      if (errors.length * 100 < errorBytesMax) {
        errors.push(chunk);
      }
    });
    try {
      const served = serveSftp(tree, { input: remote.stdout, output: remote.stdin, turn: this.#turn });
      served.catch(() => undefined);
      const ended = Promise.race([served, remote.ended]).then(() => false);
      if (await Promise.race([this.#waitForMount(connection, share), ended])) {
        this.#set(share, { path: share.path, state: 'mounted' });
        onMounted();
      }
      await ended;
    } finally {
      signal.removeEventListener('abort', end);
      end();
    }
    const said = Buffer.concat(errors).toString('utf8').trim().slice(0, 300);
    return said === '' ? 'sshfs in the machine has ended' : said;
  }

  async #waitForMount(connection: SshConnection, share: ServedShare): Promise<true> {
    const { exitCode } = await connection.exec(waitCommand(share, mountTimeoutS), {
      timeoutMs: 2 * mountTimeoutS * 1000,
    });
    if (exitCode !== 0) {
      throw new MachineError(
        'timeout',
        `sshfs in the machine did not mount within ${String(mountTimeoutS)} s`,
      );
    }
    return true;
  }
}
