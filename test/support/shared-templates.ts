import { copyFile, link, mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';

// Templates of machines go from one store to the next within a run of the suite, so that only the first test of a kind
// of machine boots one. They are links: a test that damages templates must not take part.

/** Machines of one kind: tests that count templates must not find those of others. */
export type TemplateKind = 'usual' | 'small';

/** Directory for the run, as test/run.ts makes it; undefined for a test file that is run alone. */
function sharedDirectory(kind: TemplateKind): string | undefined {
  const directory = process.env['TSMACHINE_TEST_TEMPLATES'];
  return directory === undefined ? undefined : path.join(directory, kind);
}

function cacheOf(store: string): string {
  return path.join(store, 'cache', 'drivers', 'qemu');
}

/** Puts the templates of earlier tests into a new store. */
export async function takeTemplates(store: string, kind: TemplateKind): Promise<void> {
  const shared = sharedDirectory(kind);
  if (shared !== undefined) {
    await mkdir(cacheOf(store), { recursive: true, mode: 0o700 });
    await linkTemplates(shared, cacheOf(store));
  }
}

/** Keeps the templates of a store for later tests. */
export async function leaveTemplates(store: string, kind: TemplateKind): Promise<void> {
  const shared = sharedDirectory(kind);
  if (shared !== undefined) {
    await mkdir(shared, { recursive: true });
    await linkTemplates(cacheOf(store), shared);
  }
}

async function linkTemplates(from: string, to: string): Promise<void> {
  const present = new Set(await readdir(to));
  const names = (await readdir(from).catch(() => [])).filter((name) => /^[0-9a-f]{32}$/.test(name));
  for (const name of names.filter((each) => !present.has(each))) {
    const temporary = path.join(to, `.linking-${process.pid}`);
    await mkdir(temporary, { mode: 0o700 });
    for (const file of await readdir(path.join(from, name))) {
      const source = path.join(from, name, file);
      const target = path.join(temporary, file);
      await link(source, target).catch(async () => copyFile(source, target));
    }
    await rename(temporary, path.join(to, name)).catch(async () => rm(temporary, { recursive: true }));
  }
}
