import { mkdir, readFile, readdir, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { MachineError, systemCode } from '../../src/core/errors.ts';
import type { Emit } from '../../src/core/events.ts';
import { findKernel, loadArchives, newestPackages, type ArchiveState } from './archive.ts';
import type { TrustedKeys } from './archive-keys.ts';
import { downloadTo, isGone, matches, mismatch } from './download.ts';
import { lockedPackage, type Lock, type LockedPackage } from './lock.ts';
import type { Mirrors } from './mirror.ts';

const partialAgeMaxMs = 24 * 60 * 60 * 1000;

/** How packages are fetched. */
export interface PackageStoreOptions {
  readonly lock: Lock;
  readonly mirrors: () => Promise<Mirrors>;
  readonly keys: TrustedKeys;
  readonly directory: string;
  /** Refuse, instead of replacing, a package whose pinned version has left the mirror. */
  readonly locked: boolean;
  readonly onEvent: Emit;
}

/** A package that lies complete in the package cache. */
export interface StoredPackage {
  readonly pinned: LockedPackage;
  /** What is used: the pinned one, or its replacement. */
  readonly used: LockedPackage;
  readonly file: string;
  readonly replaced: boolean;
}

/** Where packages are kept between builds when nobody says otherwise. */
export function defaultPackageCache(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const base = environment['XDG_CACHE_HOME'];
  return path.join(
    base === undefined || base === '' ? path.join(homedir(), '.cache') : base,
    'tsmachine',
    'packages',
  );
}

/**
 * Brings every package of the lock into the package cache, one after the other, and returns them in the
 * lock's order. Files that are there already are not loaded again; `readPackage` verifies them.
 * A pinned version that has left its mirror is replaced by the current one of the signed archives and
 * said so, or refused when `locked`.
 */
export async function fetchPackages(options: PackageStoreOptions): Promise<readonly StoredPackage[]> {
  await mkdir(options.directory, { recursive: true });
  await dropOldPartials(options.directory);
  const stored: StoredPackage[] = [];
  const transfer = await plannedTransfer(options);
  let archives: readonly ArchiveState[] | undefined;
  for (const pinned of options.lock.packages) {
    try {
      stored.push({ pinned, used: pinned, file: await fetchOne(pinned, options, transfer), replaced: false });
    } catch (error) {
      if (!isGone(error)) {
        throw error;
      }
      if (options.locked) {
        throw goneError(pinned, error);
      }
      archives ??= await currentArchives(options);
      const used = replacementOf(pinned, options.lock, archives);
      const replaced = used.sha256 !== pinned.sha256;
      if (replaced) {
        const message = `${pinned.name} ${pinned.version} has left the mirror; using ${used.name} ${used.version}`;
        options.onEvent({ type: 'warn', message });
      }
      stored.push({ pinned, used, file: await fetchOne(used, options, transfer), replaced });
    }
  }
  return stored;
}

/** Reads a stored package whole and verifies it. Throws `checksum-mismatch`, naming the file. */
export async function readPackage(stored: StoredPackage): Promise<Buffer> {
  const bytes = await readFile(stored.file);
  if (!matches(bytes, stored.used)) {
    throw mismatch(stored.file, stored.used);
  }
  return bytes;
}

/** How much is to be loaded in all, and how much of it has come. */
interface Transfer {
  readonly totalBytes: number;
  doneBytes: number;
}

async function plannedTransfer(options: PackageStoreOptions): Promise<Transfer> {
  let totalBytes = 0;
  for (const wanted of options.lock.packages) {
    totalBytes += (await exists(storedFile(wanted, options))) ? 0 : wanted.sizeBytes;
  }
  return { totalBytes, doneBytes: 0 };
}

function storedFile(wanted: LockedPackage, options: PackageStoreOptions): string {
  return path.join(options.directory, path.posix.basename(wanted.filename));
}

async function fetchOne(
  wanted: LockedPackage,
  options: PackageStoreOptions,
  transfer: Transfer,
): Promise<string> {
  const file = storedFile(wanted, options);
  if (await exists(file)) {
    return file;
  }
  const url = `${(await options.mirrors())[wanted.archive]}/${wanted.filename}`;
  await downloadTo(url, file, wanted, (done) => {
    const total = transfer.totalBytes;
    options.onEvent({ type: 'progress', label: 'Fetching packages', done: transfer.doneBytes + done, total });
  });
  transfer.doneBytes += wanted.sizeBytes;
  return file;
}

async function exists(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return false;
    }
    throw error;
  }
}

async function currentArchives(options: PackageStoreOptions): Promise<readonly ArchiveState[]> {
  const { lock, keys } = options;
  const notBeforeMs = Object.fromEntries(
    lock.sources.map((source) => [source.archive, Date.parse(source.date)]),
  );
  return loadArchives({
    architecture: lock.architecture,
    mirrors: await options.mirrors(),
    keys,
    notBeforeMs,
  });
}

function replacementOf(pinned: LockedPackage, lock: Lock, archives: readonly ArchiveState[]): LockedPackage {
  // The kernel's name contains its version, so its successor has another name.
  const found =
    pinned.name === lock.kernel.package
      ? findKernel(archives, lock.kernel.metaPackage)
      : newestPackages(archives, (name) => name === pinned.name).get(pinned.name);
  if (found === undefined) {
    throw goneError(pinned);
  }
  return lockedPackage(found);
}

function goneError(pinned: LockedPackage, cause?: unknown): MachineError {
  return new MachineError('image-build-failed', `${pinned.name} ${pinned.version} has left the mirror`, {
    why: 'Mirrors keep only the current version of a package, and this build may use the pinned one only.',
    facts: { package: pinned.name, version: pinned.version },
    remedies: [
      `Put ${path.posix.basename(pinned.filename)} into the package cache, build without --locked, or renew the lock.`,
    ],
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Removes what killed downloads left; a running one is younger. */
async function dropOldPartials(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.endsWith('.partial')) {
      const file = path.join(directory, name);
      const found = await stat(file).catch(() => undefined);
      if (found !== undefined && Date.now() - found.mtimeMs > partialAgeMaxMs) {
        await rm(file, { force: true });
      }
    }
  }
}
