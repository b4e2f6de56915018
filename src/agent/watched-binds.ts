import type { ShareWay } from '../drivers/driver.ts';
import type { RunningContainer } from '../engine/containers.ts';
import { isBelow } from '../machine/share-paths.ts';
import type { MachineShare } from '../machine/shares.ts';

/** A directory of this computer that a container has, and where the machine has it. */
export interface WatchedBind {
  /** Of this computer. */
  readonly path: string;
  readonly guestPath: string;
  readonly way: ShareWay;
}

/** A guest's vboxsf has no call that wakes who waits and changes nothing. */
const toldWays: readonly ShareWay[] = ['9p', 'virtiofs', 'sftp'];

/**
 * The shared directories that containers have as bind mounts, without those inside others. What is shared for reading only
 * is not among them: the machine could not pass on a change of it.
 */
export function watchedBinds(
  containers: readonly Pick<RunningContainer, 'binds'>[],
  shares: readonly Pick<MachineShare, 'path' | 'guestPaths' | 'isReadOnly' | 'way'>[],
): WatchedBind[] {
  const all = containers
    .flatMap(({ binds }) => binds)
    .flatMap((bind) => {
      const found = shareOf(bind, shares);
      if (found === undefined || found.share.isReadOnly || !toldWays.includes(found.share.way)) {
        return [];
      }
      const { path, way } = found.share;
      return [{ path: hostPath(path, bind.slice(found.guestPath.length)), guestPath: bind, way }];
    })
    .sort((a, b) => a.path.length - b.path.length);
  return all.filter(
    ({ path }, index) =>
      !all.slice(0, index).some((outer) => isBelow(slashed(path), slashed(outer.path).replace(/\/$/, ''))),
  );
}

/** Where the machine has something that lies in a watched directory. */
export function guestPathOf({ path, guestPath }: Omit<WatchedBind, 'way'>, changed: string): string {
  return `${guestPath}${slashed(changed.slice(path.replace(/[\\/]$/, '').length))}`;
}

/** The innermost share of a path of the machine. */
function shareOf<Share extends Pick<MachineShare, 'guestPaths'>>(
  bind: string,
  shares: readonly Share[],
): { readonly share: Share; readonly guestPath: string } | undefined {
  return shares
    .flatMap((share) => share.guestPaths.map((guestPath) => ({ share, guestPath })))
    .filter(({ guestPath }) => isBelow(bind, guestPath))
    .sort((a, b) => b.guestPath.length - a.guestPath.length)[0];
}

function hostPath(share: string, rest: string): string {
  return share.includes('\\')
    ? `${share.replace(/\\$/, '')}${rest.replaceAll('/', '\\')}`
    : `${share}${rest}`;
}

function slashed(path: string): string {
  return /^[A-Z]:|^\\/i.test(path) ? path.replaceAll('\\', '/') : path;
}
