import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { MachineError, messageOf } from '../../src/core/errors.ts';
import { architectures, type Architecture } from '../packages.ts';
import type { FoundPackage } from './archive.ts';
import type { ArchiveId } from './archive-keys.ts';
import { isPoolPath } from './packages-index.ts';

/** The state of an archive when the lock was renewed. */
export interface LockedSource {
  readonly archive: ArchiveId;
  readonly suite: string;
  readonly component: string;
  /** ISO 8601. */
  readonly date: string;
  readonly inReleaseSha256: string;
  readonly packagesSha256: string;
  /** Fingerprints of the keys whose signature was accepted. */
  readonly keys: readonly string[];
}

/** One pinned package. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly archive: ArchiveId;
  /** Path below the archive's address. */
  readonly filename: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly source: string;
  readonly sourceVersion: string;
}

/** The lock of one architecture: everything that decides the content of its image. */
export interface Lock {
  readonly schema: 1;
  readonly architecture: Architecture;
  readonly sources: readonly LockedSource[];
  readonly kernel: { readonly metaPackage: string; readonly package: string };
  /** The newest date of the sources, in seconds since 1970. */
  readonly sourceDateEpoch: number;
  readonly packages: readonly LockedPackage[];
}

/**
 * The text of a lock file. It ends with a sum over everything before, so that a change by hand or by
 * accident is noticed also where it changes no sum of a package.
 */
export function formatLock(lock: Lock): string {
  const checksum = createHash('sha256').update(JSON.stringify(lock)).digest('hex');
  return `${JSON.stringify({ ...lock, checksum }, undefined, 2)}\n`;
}

/**
 * Reads a lock file. Returns the lock and the sha256 of the file.
 * Throws `checksum-mismatch` when the file is not, byte for byte, what `formatLock` wrote.
 */
export async function readLock(file: string): Promise<{ lock: Lock; sha256: string }> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new MachineError('image-build-failed', `There is no lock file ${file}`, {
      cause,
      remedies: ['Name an architecture that has one, or make it with "tsmachine image lock".'],
    });
  }
  const lock = parseLock(text, file);
  if (formatLock(lock) !== text) {
    throw lockError(file, 'Its checksum does not fit its content.');
  }
  return { lock, sha256: createHash('sha256').update(text).digest('hex') };
}

function parseLock(text: string, file: string): Lock {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw lockError(file, `It is not JSON: ${messageOf(cause)}`);
  }
  // The order of fields is that of formatLock; without the sum itself the rest is what the sum is over.
  const lock = { ...(value as Lock & { checksum?: string }) };
  delete lock.checksum;
  const wellFormed =
    (lock.schema as number) === 1 &&
    architectures.includes(lock.architecture) &&
    Array.isArray(lock.packages) &&
    Array.isArray(lock.sources) &&
    Number.isSafeInteger(lock.sourceDateEpoch) &&
    lock.packages.every((one: Partial<LockedPackage>) => isPoolPath(one.filename ?? ''));
  if (!wellFormed) {
    throw lockError(file, 'It is not a lock of this version of tsmachine.');
  }
  return lock;
}

function lockError(file: string, why: string): MachineError {
  return new MachineError('checksum-mismatch', `${file} was changed`, {
    why,
    facts: { file },
    remedies: ['Restore the file, or renew it with "tsmachine image lock".'],
  });
}

/** What a lock keeps of a package that was found. */
export function lockedPackage(found: FoundPackage): LockedPackage {
  const { name, version, architecture, filename, sizeBytes, sha256, source, sourceVersion } = found.record;
  return {
    name,
    version,
    architecture,
    archive: found.archive,
    filename,
    sizeBytes,
    sha256,
    source,
    sourceVersion,
  };
}
