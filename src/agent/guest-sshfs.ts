import { quoteArgument, quoteArgv } from '../ssh/quote.ts';

/** What is mounted in a guest, and where: the first path is the mount's, the others lead to it. */
export interface GuestMount {
  /** Names the mount in the guest's table. */
  readonly tag: string;
  readonly isReadOnly: boolean;
  readonly guestPaths: readonly string[];
}

/**
 * Nothing is cached, so that what happens on the other side is seen at once; everybody in the guest may do what this
 * computer lets its user do.
 */
const options = 'passive,allow_other,dir_cache=no,max_conns=1';

/** Mounts that a server has left which is gone, the inner ones first. A place where nothing is mounted is fine. */
function unmountAll(paths: readonly string[]): string {
  return [...paths]
    .reverse()
    .map((path) => `umount -l ${quoteArgument(path)} 2>/dev/null; mkdir -p ${quoteArgument(path)}`)
    .join('; ');
}

/** A command line that speaks SFTP on its input and output while the directory is mounted. */
export function sshfsCommand({ tag, isReadOnly, guestPaths }: GuestMount): string {
  const [point = ''] = guestPaths;
  const argv = ['sshfs', '-f', '-o', `${options}${isReadOnly ? ',ro' : ''}`, `${tag}:/`, point];
  const script = `umask 022; modprobe -q fuse; ${unmountAll(guestPaths)}; exec ${quoteArgv(argv)}`;
  return `sudo -n sh -c ${quoteArgument(script)}`;
}

/** A command line that ends, well, once the directory is there, and badly when that takes too long. */
export function waitCommand({ tag, guestPaths }: GuestMount, timeoutS: number): string {
  const [point = '', ...others] = guestPaths;
  const binds = others.map((path) => `mount -o bind ${quoteArgument(point)} ${quoteArgument(path)}`);
  const isThere = `grep -q ${quoteArgument(`^${tag}:/ .* fuse\\.sshfs `)} /proc/mounts`;
  // Tenths of a second, as far as the guest's sleep knows them.
  const wait = `n=0; until ${isThere}; do n=$((n + 1)); [ $n -gt ${String(timeoutS * 10)} ] && exit 1; sleep 0.1 || sleep 1; done`;
  return `sudo -n sh -c ${quoteArgument([wait, ...binds].join('; '))}`;
}
