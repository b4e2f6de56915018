import path from 'node:path';
import { MachineError } from '../core/errors.ts';
import type { DriverManifest, Share } from '../drivers/driver.ts';
import type { Host } from '../host/types.ts';
import { isJsonObject } from '../store/go-json.ts';

/** A directory of this computer that a machine sees, as its sidecar keeps it. */
export interface SharedDirectory {
  /** Absolute, also the path in the machine. */
  readonly path: string;
  readonly readOnly: boolean;
}

/**
 * Places of the guest that a share must neither cover nor lie in: its own system, its data, and the home of the user
 * by whose SSH keys it is reached.
 */
const guestPlaces = [
  ...['/bin', '/boot', '/dev', '/etc', '/lib', '/lib64', '/proc', '/run', '/sbin', '/sys', '/usr'],
  ...[
    '/var/lib/boot2docker',
    '/var/lib/containerd',
    '/var/lib/docker',
    '/var/run',
    '/mnt/vda',
    '/home/docker',
  ],
];

/** Every share is a device of the machine. */
const sharesMax = 8;

/**
 * The directories that a new machine sees.
 * @param asked values of --share: PATH, PATH:ro, or `none` alone; undefined for the home directory, where there is a
 *   usable one and the driver can
 * @throws MachineError `flag-invalid`.
 */
export async function chooseShares(
  host: Host,
  driver: DriverManifest,
  asked: readonly string[] | undefined,
): Promise<SharedDirectory[]> {
  const words = (asked ?? []).filter((word) => word !== '');
  if (driver.capabilities.shares !== true) {
    if (words.some((word) => word !== 'none')) {
      throw new MachineError('flag-invalid', `The driver ${driver.name} shares no directories.`, {
        remedies: ['Leave --share out.'],
      });
    }
    return [];
  }
  if (words.length === 0) {
    return defaultShares(host);
  }
  if (words.includes('none')) {
    if (words.length > 1) {
      throw new MachineError('flag-invalid', '--share none stands alone: it shares no directory.');
    }
    return [];
  }
  const shares = [];
  for (const word of words) {
    shares.push(await parseShare(host, word));
  }
  requireDistinct(shares);
  return shares;
}

async function defaultShares(host: Host): Promise<SharedDirectory[]> {
  const home = host.facts.homeDirectory;
  const isUsable =
    isSharablePath(host, home) &&
    guestPlaceOf(home) === undefined &&
    (await host.files.stat(home))?.kind === 'directory';
  return isUsable ? [{ path: home, readOnly: false }] : [];
}

async function parseShare(host: Host, word: string): Promise<SharedDirectory> {
  const readOnly = word.endsWith(':ro');
  const named = word.replace(/:r[ow]$/, '');
  // Shells leave the tilde of "~:ro" and "--share=~/work" as it is.
  const expanded = named.replace(/^~(?=\/|$)/, host.facts.homeDirectory);
  const absolute = path.resolve(host.facts.currentDirectory, expanded);
  if (!isSharablePath(host, absolute)) {
    throw new MachineError('flag-invalid', `${JSON.stringify(named)} cannot be shared with a machine.`, {
      why: 'Its path has characters that a list of mounts cannot hold, or is not that of a Unix system.',
    });
  }
  const place = guestPlaceOf(absolute);
  if (place !== undefined) {
    throw new MachineError('flag-invalid', `${absolute} cannot be shared with a machine.`, {
      why: `It would be in the way of ${place}, which the machine has for itself.`,
      remedies: [
        isBelow(place, absolute) && place !== absolute
          ? 'Share a directory below it.'
          : 'Put what the machine needs into another directory and share that.',
      ],
    });
  }
  if ((await host.files.stat(absolute))?.kind !== 'directory') {
    throw new MachineError('flag-invalid', `There is no directory ${absolute} to share.`, {
      remedies: [`mkdir -p ${absolute}`, '--share none'],
    });
  }
  return { path: absolute, readOnly };
}

function requireDistinct(shares: readonly SharedDirectory[]): void {
  if (shares.length > sharesMax) {
    throw new MachineError('flag-invalid', `A machine can share ${sharesMax} directories at most.`);
  }
  const paths = shares.map((share) => share.path);
  const twice = paths.find((name, index) => paths.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new MachineError('flag-invalid', `${twice} is shared twice.`);
  }
}

function isSharablePath(host: Host, name: string): boolean {
  return host.facts.platform !== 'win32' && path.isAbsolute(name) && !/\p{Cc}/u.test(name);
}

/** The place of the guest that a share at this path would cover or lie in. */
function guestPlaceOf(name: string): string | undefined {
  return guestPlaces.find((place) => isBelow(name, place) || isBelow(place, name));
}

/** True also for the directory itself. */
function isBelow(name: string, directory: string): boolean {
  return name === directory || name.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/** The shares of a machine from its sidecar's options; what is not in order is left out. */
export function sharesOf(value: unknown): Share[] {
  if (!Array.isArray(value)) {
    return [];
  }
  return value
    .filter(isJsonObject)
    .flatMap(({ path: directory, readOnly }) =>
      typeof directory === 'string' && path.isAbsolute(directory) && !/\p{Cc}/u.test(directory)
        ? [{ path: directory, isReadOnly: readOnly === true }]
        : [],
    )
    .map((share, index) => ({ ...share, tag: `tsm${index}` }));
}

/** The guest file `shares`: a line "TAG rw|ro PATH" for each; the path goes to the end of the line. */
export function guestShareList(shares: readonly Share[]): string {
  // Outer directories first, so that one inside another is not covered by it.
  return [...shares]
    .sort((a, b) => a.path.length - b.path.length)
    .map(({ tag, isReadOnly, path: directory }) => `${tag} ${isReadOnly ? 'ro' : 'rw'} ${directory}\n`)
    .join('');
}
