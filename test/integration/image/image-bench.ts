import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import type { MachineEvent } from '../../../src/core/events.ts';
import type { BootImage } from '../../../src/drivers/driver.ts';
import { run } from '../../support/cli.ts';
import type { TinyImage } from '../../unit/image/tiny-image.ts';

/** What a process that looked for an image said. */
export interface Located {
  readonly image: BootImage | undefined;
  readonly error: { readonly code: string; readonly message: string; readonly why?: string } | undefined;
  readonly events: readonly MachineEvent[];
  readonly signal: NodeJS.Signals | null;
}

/** Test helper: a folder with a store, and processes that look for images. */
export interface ImageBench {
  readonly folder: string;
  readonly storePath: string;
  /** Writes the files of an image into a directory and returns it. */
  readonly write: (directory: string, files: ReadonlyMap<string, Uint8Array>) => Promise<string>;
  readonly locate: (
    named: string,
    options?: { readonly env?: Readonly<Record<string, string>>; readonly storePath?: string },
  ) => Promise<Located>;
  /** Names in the image cache, sorted. */
  readonly cached: (storePath?: string) => Promise<string[]>;
}

export async function imageBench(t: ExecutionContext): Promise<ImageBench> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tsmachine-images-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const storePath = path.join(folder, 'store');
  const child = path.join(import.meta.dirname, 'locate-child.js');
  return {
    folder,
    storePath,
    write: async (directory, files) => {
      const target = path.resolve(folder, directory);
      await mkdir(target, { recursive: true });
      for (const [name, data] of files) {
        await writeFile(path.join(target, name), data);
      }
      return target;
    },
    locate: async (named, options = {}) => {
      const args = [child, named, options.storePath ?? storePath];
      const { stdout, stderr, signal } = await run(process.execPath, args, { env: options.env ?? {} });
      const lines = stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { event?: MachineEvent } & Partial<Located>);
      const last = lines.at(-1);
      if (signal === null && last?.image === undefined && last?.error === undefined) {
        throw new Error(`the process said neither image nor error: ${stderr}`);
      }
      return {
        image: last?.image,
        error: last?.error,
        events: lines.flatMap(({ event }) => (event === undefined ? [] : [event])),
        signal,
      };
    },
    cached: async (store = storePath) =>
      (await readdir(path.join(store, 'cache', 'images')).catch(() => [])).sort(),
  };
}

/** True when everything that boots is in the cache as it was. */
export async function isWhole(boot: BootImage, image: TinyImage): Promise<boolean> {
  const directory = path.dirname(boot.rootPath);
  const same = await Promise.all(
    [...image.boot].map(async ([name, data]) => (await readFile(path.join(directory, name))).equals(data)),
  );
  return same.every(Boolean);
}
