import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isMachineError, MachineError } from '../src/core/errors.ts';
import type { Emit } from '../src/core/events.ts';
import { loaderSelectionsFor } from './bootable/loader-packages.ts';
import { findKernel, isoDate, loadArchives, newestPackages, type ArchiveState } from './build/archive.ts';
import { readTrustedKeys, type ArchiveId, type TrustedKeys } from './build/archive-keys.ts';
import { formatLock, lockedPackage, readLock, type Lock } from './build/lock.ts';
import { chooseMirrors, type MirrorOptions } from './build/mirror.ts';
import { packageRoot } from './build/package-root.ts';
import { compareBytes } from './formats/entry.ts';
import { architectureFacts, selectionsFor, type Architecture } from './packages.ts';

/** How a lock is renewed. */
export interface RenewLockOptions extends MirrorOptions {
  readonly architecture: Architecture;
  /** Default: the lock file of the architecture that comes with tsmachine. */
  readonly lockFile?: string;
  /** Default: Debian's keys. */
  readonly keys?: TrustedKeys;
  /** Names of the packages; default: those of the image and of the loaders of its ISO. The kernel is always added. */
  readonly packageNames?: readonly string[];
  /** The present time in milliseconds since 1970; default: the clock. */
  readonly nowMs?: number;
  readonly onEvent?: Emit;
}

/** The lock file of an architecture that comes with tsmachine. */
export function defaultLockFile(architecture: Architecture): string {
  return path.join(packageRoot, 'iso', 'lock', `${architecture}.json`);
}

/**
 * Writes the lock of one architecture anew from the signed state of the mirrors. This is the only place
 * where versions are chosen; builds use what it wrote. A state that is older than that of the present
 * lock, or whose Valid-Until is over, is refused.
 */
export async function renewLock(options: RenewLockOptions): Promise<Lock> {
  const { architecture } = options;
  const lockFile = options.lockFile ?? defaultLockFile(architecture);
  const emit = options.onEvent ?? (() => undefined);
  const mirrors = await chooseMirrors(options);
  const keys = options.keys ?? (await readTrustedKeys());
  const notBeforeMs = await datesOf(lockFile);
  emit({ type: 'note', message: `Reading the state of the archives for ${architecture}` });
  const nowMs = options.nowMs ?? Date.now();
  const states = await loadArchives({ architecture, mirrors, keys, notBeforeMs, nowMs });
  const names = options.packageNames ?? packageNames(architecture);
  const lock = lockOf(architecture, states, names);
  const text = formatLock(lock);
  await mkdir(path.dirname(lockFile), { recursive: true });
  await writeFile(`${lockFile}.new`, text);
  await rename(`${lockFile}.new`, lockFile);
  emit({
    type: 'note',
    message: `${lockFile}: ${lock.packages.length} packages, kernel ${lock.kernel.package}`,
  });
  return lock;
}

function packageNames(architecture: Architecture): readonly string[] {
  return [...selectionsFor(architecture), ...loaderSelectionsFor(architecture)].map(({ name }) => name);
}

async function datesOf(lockFile: string): Promise<Partial<Record<ArchiveId, number>>> {
  try {
    const { lock } = await readLock(lockFile);
    return Object.fromEntries(lock.sources.map((source) => [source.archive, Date.parse(source.date)]));
  } catch (error) {
    if (isMachineError(error) && error.code === 'image-build-failed') {
      return {};
    }
    throw error;
  }
}

function lockOf(architecture: Architecture, states: readonly ArchiveState[], names: readonly string[]): Lock {
  const { kernelMetaPackage } = architectureFacts[architecture];
  const kernel = findKernel(states, kernelMetaPackage);
  const wanted = new Set(names);
  const newest = newestPackages(states, (name) => wanted.has(name));
  const found = names.map((name) => {
    const one = newest.get(name);
    if (one === undefined) {
      throw new MachineError(
        'image-build-failed',
        `The archives have no package ${name} for ${architecture}`,
        {
          remedies: ['Mend the list in iso/packages.ts.'],
        },
      );
    }
    return one;
  });
  const packages = [...found, kernel].map(lockedPackage);
  packages.sort((left, right) => compareBytes(left.name, right.name));
  return {
    schema: 1,
    architecture,
    sources: states.map((state) => ({
      archive: state.id,
      suite: state.suite,
      component: state.component,
      date: isoDate(state.release.dateMs),
      inReleaseSha256: state.inReleaseSha256,
      packagesSha256: state.packagesSha256,
      keys: state.release.signers,
    })),
    kernel: { metaPackage: kernelMetaPackage, package: kernel.record.name },
    sourceDateEpoch: Math.floor(Math.max(...states.map((state) => state.release.dateMs)) / 1000),
    packages,
  };
}
