import { createHash } from 'node:crypto';
import { MachineError } from '../../src/core/errors.ts';
import { unxzAll } from '../formats/xz.ts';
import type { Architecture } from '../packages.ts';
import type { ArchiveId, TrustedKeys } from './archive-keys.ts';
import { compareVersions } from './debian-version.ts';
import { downloadBytes } from './download.ts';
import { verifyInRelease, type VerifiedRelease } from './inrelease.ts';
import { parsePackages, type PackageRecord } from './packages-index.ts';
import type { Mirrors } from './mirror.ts';

/** The two parts of Debian that packages may come from. Never backports: they are not what was tested. */
const archives: readonly { readonly id: ArchiveId; readonly suite: string; readonly label: string }[] = [
  { id: 'main', suite: 'trixie', label: 'Debian' },
  { id: 'security', suite: 'trixie-security', label: 'Debian-Security' },
];

const component = 'main';
const inReleaseMaxBytes = 1 << 22;
const indexMaxBytes = 1 << 28;

/** What is needed to read the signed state of the archives. */
export interface ArchiveOptions {
  readonly architecture: Architecture;
  readonly mirrors: Mirrors;
  readonly keys: TrustedKeys;
  /** States older than these dates (milliseconds, by archive) are refused: a mirror may not turn back time. */
  readonly notBeforeMs?: Partial<Readonly<Record<ArchiveId, number>>>;
  /** When given, a state whose Valid-Until lies before this time (milliseconds) is refused. */
  readonly nowMs?: number;
}

/** The verified state of one archive. */
export interface ArchiveState {
  readonly id: ArchiveId;
  readonly suite: string;
  readonly component: string;
  readonly release: VerifiedRelease;
  readonly inReleaseSha256: string;
  readonly packagesSha256: string;
  readonly index: string;
  /** The address of the index, for messages. */
  readonly indexUrl: string;
}

/** Loads and verifies InRelease and Packages of both archives. */
export async function loadArchives(options: ArchiveOptions): Promise<readonly ArchiveState[]> {
  const states: ArchiveState[] = [];
  for (const archive of archives) {
    states.push(await loadArchive(archive, options));
  }
  return states;
}

async function loadArchive(
  archive: (typeof archives)[number],
  options: ArchiveOptions,
): Promise<ArchiveState> {
  const base = `${options.mirrors[archive.id]}/dists/${archive.suite}`;
  const url = `${base}/InRelease`;
  const inRelease = await downloadBytes(url, { sizeMaxBytes: inReleaseMaxBytes });
  const release = await verifyInRelease(inRelease.toString('utf8'), options.keys[archive.id], url);
  checkRelease(release, archive, options, url);
  const path = `${component}/binary-${options.architecture}/Packages.xz`;
  const sum = release.sums.get(path);
  if (sum === undefined) {
    throw new MachineError('image-build-failed', `${url} does not list ${path}`, {
      remedies: ['Use a mirror that has this architecture.'],
    });
  }
  // The address by sum stays right while the mirror is being updated.
  const indexUrl = `${base}/${release.byHash ? `${component}/binary-${options.architecture}/by-hash/SHA256/${sum.sha256}` : path}`;
  const compressed = await downloadBytes(indexUrl, { expected: sum });
  return {
    id: archive.id,
    suite: archive.suite,
    component,
    release,
    inReleaseSha256: createHash('sha256').update(inRelease).digest('hex'),
    packagesSha256: sum.sha256,
    index: (await unxzAll(compressed, indexUrl, indexMaxBytes)).toString('utf8'),
    indexUrl,
  };
}

function checkRelease(
  release: VerifiedRelease,
  archive: (typeof archives)[number],
  options: ArchiveOptions,
  url: string,
): void {
  const refuse = (why: string): MachineError =>
    new MachineError('signature-invalid', `${url} is not the release file that was asked for`, {
      why,
      remedies: ['Use another mirror, or try again later.'],
      facts: { url },
    });
  // The name of the suite changes when a newer release appears (stable, oldstable); its kind does not.
  const suite = archive.id === 'security' ? /^(?:old)*stable-security$/ : /^(?:old)*stable$/;
  if (release.codename !== archive.suite || release.label !== archive.label || !suite.test(release.suite)) {
    throw refuse(
      `It is ${release.label} ${release.codename} (${release.suite}), not ${archive.label} ${archive.suite}.`,
    );
  }
  const notBeforeMs = options.notBeforeMs?.[archive.id];
  if (notBeforeMs !== undefined && release.dateMs < notBeforeMs) {
    throw refuse(`Its date ${isoDate(release.dateMs)} is before that of the lock, ${isoDate(notBeforeMs)}.`);
  }
  if (
    options.nowMs !== undefined &&
    release.validUntilMs !== undefined &&
    release.validUntilMs < options.nowMs
  ) {
    throw refuse(`It was valid until ${isoDate(release.validUntilMs)} only.`);
  }
}

/** A time as it stands in lock files and messages. */
export function isoDate(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('.000Z', 'Z');
}

/** A package record together with the archive that lists it. */
export interface FoundPackage {
  readonly archive: ArchiveId;
  readonly record: PackageRecord;
}

/**
 * The highest version of each wanted package over both archives. At equal versions the main archive is
 * taken, which keeps its files longer.
 */
export function newestPackages(
  states: readonly ArchiveState[],
  wanted: (name: string) => boolean,
): ReadonlyMap<string, FoundPackage> {
  const newest = new Map<string, FoundPackage>();
  for (const state of states) {
    for (const record of parsePackages(state.index, wanted, state.indexUrl)) {
      const known = newest.get(record.name);
      if (known === undefined || compareVersions(record.version, known.record.version) > 0) {
        newest.set(record.name, { archive: state.id, record });
      }
    }
  }
  return newest;
}

/**
 * The kernel's package: the one that the current meta package depends on, at exactly the version that
 * it names. Throws `image-build-failed` when the archives do not have both.
 */
export function findKernel(states: readonly ArchiveState[], metaPackage: string): FoundPackage {
  const meta = newestPackages(states, (name) => name === metaPackage).get(metaPackage);
  const depends = /^(linux-image-[a-z0-9.+-]+) \(= ([^)]+)\)/.exec(meta?.record.depends ?? '');
  const [, name, version] = depends ?? [];
  const kernel = newestPackages(states, (candidate) => candidate === name).get(name ?? '');
  if (kernel === undefined || kernel.record.version !== version) {
    throw new MachineError('image-build-failed', `The archive has no kernel for ${metaPackage}`, {
      why: meta === undefined ? 'There is no such package.' : `It depends on ${meta.record.depends}.`,
      remedies: ['Use another mirror, or try again later.'],
    });
  }
  return kernel;
}
