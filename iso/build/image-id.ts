import { createHash } from 'node:crypto';
import { MachineError } from '../../src/core/errors.ts';
import { enginePackage } from '../packages.ts';
import { upstreamVersion } from './debian-version.ts';
import type { LockedPackage } from './lock.ts';

/** The names and numbers of an image that follow from its packages. */
export interface ImageId {
  readonly version: string;
  readonly engineVersion: string;
  /** Of the root file system. */
  readonly uuid: Uint8Array;
}

/**
 * Derives the identity of an image from its lock and the packages that are really used, so that equal
 * content has an equal identity and no clock or random number is in it.
 */
export function imageId(
  lock: { readonly sha256: string; readonly sourceDateEpoch: number },
  packages: readonly LockedPackage[],
): ImageId {
  const engine = packages.find((one) => one.name === enginePackage);
  if (engine === undefined) {
    throw new MachineError('image-build-failed', `The lock has no package ${enginePackage}`, {
      remedies: ['Renew the lock with "tsmachine image lock".'],
    });
  }
  const engineVersion = upstreamVersion(engine.version).replace(/[+~].*$/, '');
  const day = new Date(lock.sourceDateEpoch * 1000).toISOString().slice(0, 10).replaceAll('-', '');
  const hash = createHash('sha256').update(`${lock.sha256}\n`);
  for (const one of packages) {
    hash.update(`${one.name} ${one.version} ${one.sha256}\n`);
  }
  return { version: `${day}-${engineVersion}`, engineVersion, uuid: uuidFrom(hash.digest()) };
}

/** A UUID of version 8 (RFC 9562): its content is our own. */
function uuidFrom(digest: Buffer): Uint8Array {
  const uuid = Uint8Array.from(digest.subarray(0, 16));
  uuid[6] = ((uuid[6] ?? 0) & 0x0f) | 0x80;
  uuid[8] = ((uuid[8] ?? 0) & 0x3f) | 0x80;
  return uuid;
}

/** A UUID in its usual notation. */
export function uuidText(uuid: Uint8Array): string {
  return Buffer.from(uuid)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/**
 * The text of /etc/os-release. The ID is that of boot2docker, because docker-machine chooses its way of
 * provisioning by it; VARIANT_ID tells the two apart. docker-machine takes a line with a second `=` for
 * damaged, so no value has one.
 */
export function osRelease(id: ImageId): string {
  return [
    'NAME="tsmachine"',
    `VERSION="${id.engineVersion}"`,
    'ID=boot2docker',
    'ID_LIKE=debian',
    'VARIANT_ID=tsmachine',
    `VERSION_ID="${id.engineVersion}"`,
    `PRETTY_NAME="tsmachine ${id.version} (Debian 13)"`,
    'IMAGE_ID=tsmachine',
    `IMAGE_VERSION=${id.version}`,
    '',
  ].join('\n');
}
