import path from 'node:path';
import { MachineError } from '../core/errors.ts';
import type { HostFacts } from '../host/types.ts';

type Facts = Pick<HostFacts, 'platform' | 'homeDirectory' | 'currentDirectory'>;

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

/**
 * The absolute path of this computer that a user has written. On Windows also with slashes, and as its shells for Unix
 * programs write it: `//c/Users`, `/c/Users`.
 * @throws MachineError `flag-invalid` for a path of Windows that has no drive.
 */
export function hostPathOf(word: string, { platform, homeDirectory, currentDirectory }: Facts): string {
  // Shells leave the tilde of "~:ro" and "--share=~/work" as it is.
  const expanded = word.replace(/^~(?=[/\\]|$)/, () => homeDirectory);
  if (platform !== 'win32') {
    return path.posix.resolve(currentDirectory, expanded);
  }
  const named = expanded
    .replace(/^[\\/]{2}[?.][\\/](?=[a-z]:)/i, '')
    .replace(/^\/{1,2}(?:mnt\/)?([a-z])(?=\/|$)/i, (_, drive: string) => `${drive}:\\`);
  const absolute = path.win32.resolve(currentDirectory, named);
  if (!isWindowsPath(absolute)) {
    throw new MachineError('flag-invalid', `${JSON.stringify(word)} cannot be shared with a machine.`, {
      why: 'It is not on a drive of this computer: a path of the network has no place in a machine.',
      remedies: [String.raw`Give it a letter: net use Z: \\SERVER\SHARE, then --share Z:\ `.trim()],
    });
  }
  return `${absolute.slice(0, 1).toUpperCase()}${absolute.slice(1)}`;
}

/**
 * Where the machine has a directory of this computer: at the same path, and for Windows where its users look for it.
 * The first is the one under which it is mounted.
 */
export function guestPathsOf(hostPath: string, platform: NodeJS.Platform): readonly string[] {
  if (isWindowsPath(hostPath)) {
    const inside = hostPath
      .replace(/^([a-z]):/i, (_, drive: string) => `/${drive.toLowerCase()}`)
      .replaceAll('\\', '/')
      .replace(/\/$/, '');
    return [inside, `/mnt${inside}`];
  }
  const other = platform === 'darwin' ? otherNameOnMac(hostPath) : undefined;
  return other === undefined || guestPlaceOf(other) !== undefined ? [hostPath] : [hostPath, other];
}

/** macOS has `/tmp` and `/var` below `/private`, and both names are in use. */
function otherNameOnMac(name: string): string | undefined {
  const [, prefix, rest] = /^(\/private)?(\/(?:tmp|var)\/.*)$/s.exec(name) ?? [];
  return rest === undefined ? undefined : prefix === undefined ? `/private${rest}` : rest;
}

/** The path of this computer that stands behind one of the machine; undefined where none can. */
export function herePathOf(guestPath: string, platform: NodeJS.Platform): string | undefined {
  if (platform !== 'win32') {
    return guestPath;
  }
  const [, drive, rest = ''] = /^(?:\/mnt)?\/([a-z])(\/.*)?$/s.exec(guestPath) ?? [];
  return drive === undefined ? undefined : `${drive.toUpperCase()}:${rest.replaceAll('/', '\\') || '\\'}`;
}

/** True for an absolute path of Unix or Windows without control characters, which a list of mounts cannot hold. */
export function isSharablePath(name: string): boolean {
  return (name.startsWith('/') || isWindowsPath(name)) && !/\p{Cc}/u.test(name);
}

/** The place of the guest that a share at this path of the machine would cover or lie in. */
export function guestPlaceOf(name: string): string | undefined {
  return guestPlaces.find((place) => isBelow(name, place) || isBelow(place, name));
}

/** True also for the directory itself. Paths of the machine. */
export function isBelow(name: string, directory: string): boolean {
  return name === directory || name.startsWith(directory === '/' ? '/' : `${directory}/`);
}

function isWindowsPath(name: string): boolean {
  return /^[a-z]:\\/i.test(name);
}
