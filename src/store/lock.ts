import { posix, win32 } from 'node:path';
import { isMachineError, MachineError, systemCode } from '../core/errors.ts';
import type { Host, ProcessIdentity } from '../host/types.ts';

/** Who holds a lock: the content of the lock file. */
export interface LockOwner extends ProcessIdentity {
  /** What it does: "create dev". */
  readonly command: string;
  /** Since when, ISO 8601 in UTC. */
  readonly since: string;
  /** Tells two holders in one process apart. */
  readonly token: string;
}

/** How to wait for a lock. */
export interface LockOptions {
  /** What is going to be done, for those who wait for us: "create dev". */
  readonly what: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Called once for each owner that is waited for. */
  readonly onWait?: ((owner: LockOwner) => void) | undefined;
}

const POLL_MS = 20;
const POLL_MAX_MS = 250;
/** How often an owner is asked for; on Windows and macOS that starts a program. */
const ALIVE_CHECK_MS = 500;
/** A guard of a guard of a guard … is only met when each of their holders was killed in the same instant of its work. */
const GUARD_DEPTH_MAX = 6;
const TEMPORARY_RANDOM_BYTES = 6;

/**
 * Holds a lock while `action` runs. The lock is free again when the action has ended or its process has died,
 * never because time went by: an owner that is stopped or slow keeps it. Not re-entrant.
 *
 * The file is complete when it appears, because it is made by a hard link to a finished file; so it is
 * always known who holds it. Only one process may remove the file of a dead owner: the one that holds the
 * guard, a lock of the same kind beside it. Everybody else only ever adds a file where there is none, or
 * removes their own. A dead owner stays dead, so what the holder of the guard has read stays true until it
 * removes the file.
 * @throws MachineError `record-locked` after the time-out; whatever the action throws.
 */
export async function withLock<T>(
  host: Host,
  lockPath: string,
  options: LockOptions,
  action: () => Promise<T>,
): Promise<T> {
  await host.files.makeDirectory(directoryOf(lockPath), 0o700);
  const self = await host.processes.identify(host.facts.pid);
  if (self === undefined) {
    throw new MachineError('bug', 'This process cannot find itself among the processes.');
  }
  const own = { ...self, command: options.what };
  const deadlineMs = host.clock.monotonicMs() + options.timeoutMs;
  const token = await acquire({ host, own, options, deadlineMs }, lockPath, 0);
  let result: T;
  try {
    result = await action();
  } catch (error) {
    // The action's own error is the one to report; a lock that stays behind is freed by our end.
    await release(host, lockPath, token).catch(() => undefined);
    throw error;
  }
  await release(host, lockPath, token);
  return result;
}

/** The owner of a lock at this moment, dead or alive; undefined when nobody holds it. */
export async function readLockOwner(host: Host, lockPath: string): Promise<LockOwner | undefined> {
  const found = await readLock(host, lockPath);
  return found === 'unreadable' ? undefined : found;
}

interface Attempt {
  readonly host: Host;
  readonly own: ProcessIdentity & { readonly command: string };
  readonly options: LockOptions;
  readonly deadlineMs: number;
}

/** Returns the token of the lock when it is ours. `depth` counts the guards around it. */
async function acquire(attempt: Attempt, path: string, depth: number): Promise<string> {
  const { host, options, deadlineMs } = attempt;
  let waitedFor: string | undefined;
  let checkedMs = 0;
  let pauseMs = POLL_MS;
  for (;;) {
    options.signal?.throwIfAborted();
    const owner = await readLock(host, path);
    const nowMs = host.clock.monotonicMs();
    if (owner === undefined) {
      const token = await tryLink(attempt, path);
      if (token !== undefined) {
        return token;
      }
    } else if (owner === 'unreadable' || owner.token !== waitedFor || nowMs - checkedMs >= ALIVE_CHECK_MS) {
      checkedMs = nowMs;
      if (!(await isHeld(host, owner))) {
        await removeDead(attempt, path, depth);
      } else if (owner !== 'unreadable' && owner.token !== waitedFor) {
        waitedFor = owner.token;
        if (depth === 0) {
          options.onWait?.(owner);
        }
      }
    } else {
      await host.clock.sleep(Math.min(pauseMs, Math.max(1, deadlineMs - nowMs)), options.signal);
      pauseMs = Math.min(pauseMs * 1.5, POLL_MAX_MS);
    }
    if (nowMs >= deadlineMs) {
      throw locked(path, owner);
    }
  }
}

/** Puts a finished lock file in place, or returns undefined when there is one. */
async function tryLink({ host, own }: Attempt, path: string): Promise<string | undefined> {
  const token = hex(host.randomBytes(TEMPORARY_RANDOM_BYTES));
  const owner: LockOwner = { ...own, since: new Date(host.clock.nowMs()).toISOString(), token };
  const temporary = `${path}.tmp-${own.pid}-${token}`;
  await host.files.writeNew(temporary, `${JSON.stringify(owner)}\n`, 0o600);
  try {
    await host.files.link(temporary, path);
    return token;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') {
      throw explainLink(error, path);
    }
    // A network file system may have made the link although its answer was lost.
    const found = await readLock(host, path);
    return found !== undefined && found !== 'unreadable' && found.token === token ? token : undefined;
  } finally {
    await host.files.remove(temporary);
  }
}

/** Removes the file of a dead owner, under the guard. */
async function removeDead(attempt: Attempt, path: string, depth: number): Promise<void> {
  const { host } = attempt;
  if (depth >= GUARD_DEPTH_MAX) {
    throw new MachineError('record-locked', `${path} was left behind by a process that is gone.`, {
      remedies: [`Make sure that no other tsmachine runs, then remove the files ${path}*.`],
      facts: { path },
    });
  }
  const guard = `${path}.g`;
  const token = await acquire(attempt, guard, depth + 1);
  try {
    const owner = await readLock(host, path);
    if (owner !== undefined && !(await isHeld(host, owner))) {
      await host.files.remove(path);
      await sweep(host, path);
    }
  } finally {
    await release(host, guard, token);
  }
}

async function release(host: Host, path: string, token: string): Promise<void> {
  const owner = await readLock(host, path);
  // Somebody who removed the file by hand may have let another process in.
  if (owner !== undefined && owner !== 'unreadable' && owner.token === token) {
    await host.files.remove(path);
  }
}

/**
 * A file that cannot be read as an owner was complete when it was linked; only a crash of the system before
 * it reached the disk leaves it empty, and that ended its owner too.
 */
async function isHeld(host: Host, owner: LockOwner | 'unreadable'): Promise<boolean> {
  return owner !== 'unreadable' && host.processes.isAlive({ pid: owner.pid, startTime: owner.startTime });
}

async function readLock(host: Host, path: string): Promise<LockOwner | 'unreadable' | undefined> {
  let text: string;
  try {
    text = await host.files.readText(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
  try {
    return toOwner(JSON.parse(text)) ?? 'unreadable';
  } catch {
    return 'unreadable';
  }
}

function toOwner(value: unknown): LockOwner | undefined {
  if (typeof value !== 'object' || value === null) {
    return undefined;
  }
  const { pid, startTime, command, since, token } = value as Partial<Record<keyof LockOwner, unknown>>;
  const isOwner =
    typeof pid === 'number' &&
    typeof startTime === 'string' &&
    typeof command === 'string' &&
    typeof since === 'string' &&
    typeof token === 'string';
  return isOwner ? { pid, startTime, command, since, token } : undefined;
}

/** Removes the temporary files of processes that were killed before their link. */
async function sweep(host: Host, path: string): Promise<void> {
  const prefix = `${path.slice(directoryOf(path).length + 1)}.tmp-`;
  for (const { name } of await host.files.list(directoryOf(path))) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : 0;
    if (pid > 0 && (await host.processes.identify(pid)) === undefined) {
      await host.files.remove(`${directoryOf(path)}/${name}`);
    }
  }
}

function locked(path: string, owner: LockOwner | 'unreadable' | undefined): MachineError {
  if (owner === undefined || owner === 'unreadable') {
    return new MachineError('record-locked', `${path} is locked.`, { facts: { path } });
  }
  const { pid, command, since } = owner;
  return new MachineError('record-locked', `Another process is busy here: "${command}" (process ${pid}).`, {
    why: `It holds ${path} since ${since}.`,
    facts: { path, pid, command, since },
  });
}

function explainLink(error: unknown, path: string): unknown {
  const code = isMachineError(error) ? error.facts.systemCode : undefined;
  if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(String(code))) {
    return error;
  }
  return new MachineError('store-write-failed', `The lock ${path} cannot be made.`, {
    why: 'The file system has no hard links, which locks need.',
    remedies: ['Put the store on a local file system (--storage-path).'],
    cause: error,
    facts: { path },
  });
}

function directoryOf(path: string): string {
  return (/^(?:[A-Za-z]:|\\\\)/.test(path) ? win32 : posix).dirname(path);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
