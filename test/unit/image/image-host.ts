import type { MachineEvent } from '../../../src/core/events.ts';
import type { CacheOptions } from '../../../src/image/cache.ts';
import { createFakeHost, type FakeHost, type FakeHostOptions } from '../../fakes/host.ts';

/** Test helper: a computer in memory with a store, and what an operation on images is given. */
export interface ImageHost {
  readonly host: FakeHost;
  readonly events: MachineEvent[];
  readonly options: CacheOptions;
  readonly storePath: string;
  /** Puts the files of an image into a directory. */
  readonly put: (directory: string, files: ReadonlyMap<string, Uint8Array>) => void;
  /** Names in the image cache, sorted; empty when there is none. */
  readonly cached: () => Promise<string[]>;
}

export function imageHost(facts: FakeHostOptions = {}): ImageHost {
  const host = createFakeHost(facts);
  const isWindows = host.facts.platform === 'win32';
  const storePath = isWindows ? 'C:\\store' : '/store';
  const separator = isWindows ? '\\' : '/';
  const events: MachineEvent[] = [];
  const emit = (event: MachineEvent): void => void events.push(event);
  return {
    host,
    events,
    storePath,
    options: { storePath, signal: new AbortController().signal, emit },
    put: (directory, files) => {
      for (const [name, data] of files) {
        host.files.put(`${directory}${separator}${name}`, data);
      }
    },
    cached: async () => {
      const entries = await host.files.list([storePath, 'cache', 'images'].join(separator)).catch(() => []);
      return entries.map(({ name }) => name).sort();
    },
  };
}
