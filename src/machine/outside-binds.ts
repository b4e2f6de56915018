import type { RunningContainer } from '../engine/containers.ts';
import type { Host } from '../host/types.ts';
import { guestPlaceOf, herePathOf, isBelow } from './share-paths.ts';
import type { MachineShare } from './shares.ts';

/** A bind mount of a directory of this computer that the machine does not see: the container has an empty one. */
export interface OutsideBind {
  readonly container: string;
  /** As the container asked for it: a path of the machine. */
  readonly path: string;
}

/** The bind mounts of paths that neither a share brings nor the machine has for itself. */
export function bindsOutside(
  containers: readonly Pick<RunningContainer, 'name' | 'binds'>[],
  shares: readonly Pick<MachineShare, 'guestPaths'>[],
): OutsideBind[] {
  const seen = shares.flatMap(({ guestPaths }) => guestPaths);
  return containers.flatMap(({ name, binds }) =>
    binds
      .filter((path) => !isOfMachine(path) && !seen.some((share) => isBelow(path, share)))
      .map((path) => ({ container: name, path })),
  );
}

/** Also the state of programs, which engines and their tools mount often; macOS keeps temporary files beside it. */
function isOfMachine(path: string): boolean {
  return guestPlaceOf(path) !== undefined || (isBelow(path, '/var') && !isBelow(path, '/var/folders'));
}

/**
 * Those of them that were meant for this computer: the path is here, or its parent is in the user's home directory. Any
 * other is one that the user has made in the machine.
 */
export async function meantForHere(
  host: Pick<Host, 'facts' | 'files'>,
  binds: readonly OutsideBind[],
): Promise<OutsideBind[]> {
  const { platform, homeDirectory } = host.facts;
  const isHere = async ({ path }: OutsideBind): Promise<boolean> => {
    const here = herePathOf(path, platform);
    if (here === undefined) {
      return false;
    }
    const cut = Math.max(here.lastIndexOf('/'), here.lastIndexOf('\\'));
    const parent = here.slice(0, cut);
    const isAtHome = `${parent}/`.replaceAll('\\', '/').startsWith(`${homeDirectory}/`.replaceAll('\\', '/'));
    const wanted = isAtHome ? parent : here;
    return (await host.files.stat(wanted).catch(() => undefined)) !== undefined;
  };
  const verdicts = await Promise.all(binds.map(isHere));
  return binds.filter((_, index) => verdicts[index]);
}
