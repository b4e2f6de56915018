import { MachineError } from '../core/errors.ts';
import { isPlainUser } from '../ssh/client-config.ts';

/** A file or directory here, or on a machine. */
export type Location =
  | { readonly kind: 'local'; readonly path: string }
  | {
      readonly kind: 'remote';
      readonly machine: string;
      /** Absent: the machine's own. */
      readonly user?: string;
      /** May be empty: the home directory. */
      readonly path: string;
    };

/** What no shell gives a meaning of its own, or one that is wanted in a path: patterns, and the home directory. */
const plainPath = /^[\p{L}\p{N}_./@%+=,:*?[\]{}~-]*$/u;

/**
 * Reads `[[user@]machine:]path`. Local are `localhost:path`, whatever has no colon or a slash before it, and on Windows a path
 * with a drive.
 * @throws MachineError `arguments-invalid` for control characters and for users that a program could misread.
 */
export function parseLocation(text: string, platform: NodeJS.Platform): Location {
  const hasDrive = platform === 'win32' && /^[A-Za-z]:/.test(text);
  const [, owner, path] = /^([^/:]*):([^]*)$/.exec(text) ?? [];
  if (hasDrive || owner === undefined || path === undefined) {
    return { kind: 'local', path: text };
  }
  const at = owner.lastIndexOf('@');
  const machine = owner.slice(at + 1);
  if (machine === 'localhost') {
    return { kind: 'local', path };
  }
  if (/\p{Cc}/u.test(path)) {
    throw new MachineError(
      'arguments-invalid',
      `The path ${JSON.stringify(path)} holds a control character.`,
    );
  }
  if (at === -1) {
    return { kind: 'remote', machine, path };
  }
  const user = owner.slice(0, at);
  if (!isPlainUser(user)) {
    throw new MachineError('arguments-invalid', `${JSON.stringify(user)} cannot be the name of a user.`);
  }
  return { kind: 'remote', machine, user, path };
}

/** True when every program can hand the path on, also one that lets a shell on the machine read it. */
export function isPlainPath(path: string): boolean {
  return plainPath.test(path);
}

/**
 * A location as scp, rsync and sshfs read it, so that a path is not taken for an option, a machine or a module of rsync.
 * The name of a machine is that of its block in ssh_config(5).
 */
export function locationArgument(location: Location, platform: NodeJS.Platform): string {
  if (location.kind === 'remote') {
    const { machine, user, path } = location;
    return `${user === undefined ? '' : `${user}@`}${machine}:${/^[:-]/.test(path) ? `./${path}` : path}`;
  }
  return localArgument(location.path, platform);
}

/** A path of this computer, not to be taken for an option or a machine. */
export function localArgument(path: string, platform: NodeJS.Platform): string {
  if (platform === 'win32' && /^[A-Za-z]:/.test(path)) {
    return path;
  }
  if (path === '') {
    return '.';
  }
  return /^-|^[^/]*:/.test(path) ? `./${path}` : path;
}
