import { createHash } from 'node:crypto';
import { isMachineError, systemCode } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import { createRateBucket, type RateBucket } from './rate-bucket.ts';
import { formatLine, replay, type Replayed, type RateLine } from './rate-lines.ts';
import type { RateBudget } from './rate-state.ts';

/** Whose requests are counted together, and where. */
export interface SharedRates {
  readonly host: Host;
  /** Absolute; made when it is needed. Undefined where nobody else can know: then it is this process alone. */
  readonly directory: string | undefined;
  /** `amazonec2` */
  readonly provider: string;
  /**
   * What the provider counts by: an account, a region. Only a hash of it is kept; yet nothing in it may be a secret that
   * can be guessed.
   */
  readonly account: () => Promise<readonly string[]>;
  readonly budget: RateBudget;
}

/** A new file is begun so often, and takes over how full the buckets are. */
const fileMs = 60_000;
/** Those who wait longer than this do not read any further back. */
const filesKept = 40;
const sleepMaxMs = 30_000;

let requestCount = 0;

/**
 * A bucket that all processes share which keep it in one directory. There is no lock: each adds a line and reads what
 * everybody has added, and all reckon alike, so whoever is killed leaves nothing behind that others would wait for. When
 * the directory cannot be written to, the process is on its own.
 */
export function shareRates(shared: SharedRates): RateBucket {
  const { host, directory, budget } = shared;
  const alone = createRateBucket(host.clock, budget);
  if (directory === undefined) {
    return alone;
  }
  let opened: Promise<RateFiles> | undefined;
  let isShared = true;
  const together = async <T>(action: (files: RateFiles) => Promise<T>): Promise<T | undefined> => {
    // Who asks is found out outside of it: what is wrong with credentials is to be heard.
    const files = await (opened ??= openFiles(shared, directory).catch((error: unknown) => {
      opened = undefined;
      throw error;
    }));
    if (!isShared) {
      return undefined;
    }
    try {
      return await action(files);
    } catch (error) {
      if (!isMachineError(error) && systemCode(error) === undefined) {
        throw error;
      }
      isShared = false;
      return undefined;
    }
  };
  return {
    take: async ({ isRemoval = false, signal } = {}) => {
      requestCount += 1;
      const id = `${host.facts.pid}-${requestCount}`;
      const atMs = host.clock.nowMs();
      const since = await together(async (files) =>
        files.add({ kind: isRemoval ? 'removal' : 'call', atMs, id }),
      );
      if (since === undefined) {
        await alone.take({ isRemoval, signal });
        return;
      }
      for (;;) {
        const nowMs = host.clock.nowMs();
        const grantMs = (await together(async (files) => files.replay(since, id)))?.grantMs ?? nowMs;
        if (grantMs <= nowMs) {
          return;
        }
        await host.clock.sleep(Math.min(Math.ceil(grantMs - nowMs), sleepMaxMs), signal);
      }
    },
    pause: async (durationMs) => {
      const atMs = host.clock.nowMs();
      await together(async (files) => files.add({ kind: 'pause', atMs, untilMs: atMs + durationMs }));
      await alone.pause(durationMs);
    },
  };
}

interface RateFiles {
  /** Returns the number of the file that has the line. */
  add(line: RateLine): Promise<number>;
  replay(since: number, id: string): Promise<Replayed>;
}

async function openFiles(
  { host, provider, account, budget }: SharedRates,
  directory: string,
): Promise<RateFiles> {
  const { files, clock } = host;
  const key = createHash('sha256')
    .update(JSON.stringify([provider, ...(await account())]))
    .digest('hex');
  const prefix = `${provider}-${key.slice(0, 24)}.`;
  const pathOf = (number: number): string => `${directory}/${prefix}${number}`;
  const current = (): number => Math.floor(clock.nowMs() / fileMs);
  const read = async (number: number): Promise<string> => {
    try {
      return await files.readText(pathOf(number));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') {
        return '';
      }
      throw error;
    }
  };
  /** What a new file begins with. The old ones go, but for those that somebody may still be reading. */
  const begin = async (number: number): Promise<string> => {
    await files.makeDirectory(directory, 0o700);
    const numbers = (await files.list(directory))
      .map(({ name }) => (name.startsWith(prefix) ? Number(name.slice(prefix.length)) : Number.NaN))
      .filter((each) => Number.isSafeInteger(each));
    // Later ones are of a clock that was wrong.
    const last = Math.max(...numbers.filter((each) => each < number));
    for (const old of numbers.filter(
      (each) => each > number || (each < number - filesKept && each !== last),
    )) {
      await files.remove(pathOf(old)).catch(() => undefined);
    }
    if (!Number.isFinite(last)) {
      return '';
    }
    const nowMs = clock.nowMs();
    const { state } = replay(await read(last), { budget, nowMs });
    return formatLine({ kind: 'state', atMs: nowMs, state });
  };
  return {
    add: async (line) => {
      const number = current();
      const isThere = (await files.stat(pathOf(number))) !== undefined;
      // Two who begin it at once say the same.
      const beginning = isThere ? '' : await begin(number);
      await files.append(pathOf(number), `${beginning}${formatLine(line)}`);
      return number;
    },
    replay: async (since, id) => {
      const texts = [];
      for (let number = since; number <= Math.min(current(), since + filesKept); number += 1) {
        texts.push(await read(number));
      }
      return replay(texts.join('\n'), { budget, nowMs: clock.nowMs(), id });
    },
  };
}
