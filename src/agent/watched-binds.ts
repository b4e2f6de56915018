import type { RunningContainer } from '../engine/containers.ts';
import { isBelow } from '../machine/share-paths.ts';
import type { MachineShare } from '../machine/shares.ts';

/** A directory of this computer that a container has, and where the machine has it. */
export interface WatchedBind {
  /** Of this computer. */
  readonly path: string;
  readonly guestPath: string;
}

/**
 * The shared directories that containers have as bind mounts, without those inside others. What is shared for reading only
 * is not among them: the machine could not pass on a change of it.
 */
export function watchedBinds(
  containers: readonly Pick<RunningContainer, 'binds'>[],
  shares: readonly Pick<MachineShare, 'path' | 'guestPaths' | 'isReadOnly'>[],
): WatchedBind[] {
  const all = containers
    .flatMap(({ binds }) => binds)
    .flatMap((bind) => {
      const found = shareOf(bind, shares);
      return found === undefined || found.share.isReadOnly
        ? []
        : [{ path: hostPath(found.share.path, bind.slice(found.guestPath.length)), guestPath: bind }];
    })
    .sort((a, b) => a.path.length - b.path.length);
  return all.filter(
    ({ path }, index) =>
      !all.slice(0, index).some((outer) => isBelow(slashed(path), slashed(outer.path).replace(/\/$/, ''))),
  );
}

/** Where the machine has something that lies in a watched directory; undefined for what no line can hold. */
export function guestPathOf({ path, guestPath }: WatchedBind, changed: string): string | undefined {
  const rest = slashed(changed.slice(path.replace(/[\\/]$/, '').length));
  return /[\n\0]/.test(rest) ? undefined : `${guestPath}${rest}`;
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
