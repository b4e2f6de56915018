import path from 'node:path';
import { MachineError } from '../core/errors.ts';
import type { Host } from '../host/types.ts';

/** The URL of a manifest, and the hash that it must have. */
export interface ImageUrl {
  readonly location: URL;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

/**
 * Takes an image URL apart: `https://HOST/…/manifest.json#sha256=HEX`.
 * @throws MachineError `flag-invalid` when it is no URL or names no hash.
 */
export function parseImageUrl(url: string): ImageUrl {
  if (!URL.canParse(url)) {
    throw new MachineError('flag-invalid', `${url} is not a URL.`);
  }
  const location = new URL(url);
  const sha256 = hashOf(location);
  if (sha256 === undefined) {
    throw new MachineError('flag-invalid', `The image URL ${url} does not say which image it must be.`, {
      remedies: ['Add the SHA-256 of its manifest to the URL: https://HOST/PATH/manifest.json#sha256=HEX'],
    });
  }
  location.hash = '';
  return { location, sha256 };
}

/** The hash behind `#sha256=`, lower case; undefined when the URL has none. */
export function hashOf(location: URL): string | undefined {
  return /^#sha256=([0-9a-f]{64})$/i.exec(location.hash)?.[1]?.toLowerCase();
}

/**
 * The name of an image as it is kept for later: a relative path means another directory as soon as the user is
 * somewhere else.
 */
export function absoluteImageName(host: Host, named: string): string {
  return isUrl(named) ? named : pathsOf(host).resolve(host.facts.currentDirectory, named);
}

/** True for a URL of whatever protocol. Two letters at least: one is a drive of Windows. */
export function isUrl(named: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(named);
}

/** How paths are written on this computer. */
export function pathsOf(host: Host): path.PlatformPath {
  return host.facts.platform === 'win32' ? path.win32 : path.posix;
}
