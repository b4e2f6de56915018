import { MachineError } from '../core/errors.ts';
import type { DriverManifest, Share, ShareWay } from '../drivers/driver.ts';
import type { Host } from '../host/types.ts';
import { isJsonObject } from '../store/go-json.ts';
import { guestPathsOf, guestPlaceOf, hostPathOf, isBelow, isSharablePath } from './share-paths.ts';

/** A directory of this computer that a machine sees, as its sidecar keeps it. */
export interface SharedDirectory {
  /** Absolute, of this computer. */
  readonly path: string;
  readonly readOnly: boolean;
  /** Its paths in the machine, where they are others. */
  readonly guestPaths?: readonly string[];
}

/** What a machine sees of this computer, and how. */
export interface SharePlan {
  readonly shares: readonly SharedDirectory[];
  /** Undefined where nothing can be shared. */
  readonly way: ShareWay | undefined;
}

/** What was asked for. */
export interface ShareRequest {
  /** Values of --share: PATH, PATH:ro, or `none` alone; undefined for the home directory, where there is a usable one. */
  readonly asked?: readonly string[] | undefined;
  /** Value of --share-type; undefined for the best way. */
  readonly way?: ShareWay | undefined;
}

/** A share as a machine has it. */
export interface MachineShare extends Share {
  /** Its paths in the machine; it is mounted at the first. */
  readonly guestPaths: readonly string[];
}

/** Ways to share, as users name them. */
export const shareWays: readonly ShareWay[] = ['9p', 'virtiofs', 'vboxsf', 'sftp'];

/** Every share is a device of the machine. */
const sharesMax = 8;

/**
 * The directories that a machine is to see, and the way in which it does.
 * @param ways those that the driver has on this computer, the best first
 * @throws MachineError `flag-invalid`.
 */
export async function chooseShares(
  host: Host,
  driver: Pick<DriverManifest, 'name'>,
  ways: readonly ShareWay[],
  { asked, way: wanted }: ShareRequest,
): Promise<SharePlan> {
  const words = (asked ?? []).filter((word) => word !== '');
  const way = chooseWay(driver, ways, wanted);
  if (way === undefined) {
    if (words.some((word) => word !== 'none')) {
      throw new MachineError('flag-invalid', `The driver ${driver.name} shares no directories.`, {
        remedies: ['Leave --share out.'],
      });
    }
    return { shares: [], way };
  }
  if (words.length === 0) {
    return { shares: await defaultShares(host), way };
  }
  if (words.includes('none')) {
    if (words.length > 1) {
      throw new MachineError('flag-invalid', '--share none stands alone: it shares no directory.');
    }
    return { shares: [], way };
  }
  const shares = [];
  for (const word of words) {
    shares.push(await parseShare(host, word));
  }
  requireDistinct(shares);
  return { shares, way };
}

function chooseWay(
  driver: Pick<DriverManifest, 'name'>,
  ways: readonly ShareWay[],
  wanted: ShareWay | undefined,
): ShareWay | undefined {
  if (wanted !== undefined && !ways.includes(wanted)) {
    throw new MachineError('flag-invalid', `The driver ${driver.name} cannot share by ${wanted} here.`, {
      why: ways.length === 0 ? 'It shares no directories.' : `Here it can: ${ways.join(', ')}.`,
    });
  }
  return wanted ?? ways[0];
}

async function defaultShares(host: Host): Promise<SharedDirectory[]> {
  const { homeDirectory, platform } = host.facts;
  // Where macOS keeps temporary files: what a program makes with mktemp is there for its containers.
  const temporary = platform === 'darwin' ? ['/private/tmp', '/private/var/folders'] : [];
  const shares = [];
  for (const name of [homeDirectory, ...temporary]) {
    const isUsable =
      isSharablePath(name) &&
      guestPathsOf(name, platform).every((each) => guestPlaceOf(each) === undefined) &&
      (await host.files.stat(name))?.kind === 'directory';
    if (isUsable) {
      shares.push(sharedDirectory(host, name, false));
    }
  }
  return shares;
}

function sharedDirectory(host: Host, name: string, readOnly: boolean): SharedDirectory {
  const guestPaths = guestPathsOf(name, host.facts.platform);
  const isSame = guestPaths.length === 1 && guestPaths[0] === name;
  return { path: name, readOnly, ...(isSame ? {} : { guestPaths }) };
}

async function parseShare(host: Host, word: string): Promise<SharedDirectory> {
  const readOnly = word.endsWith(':ro');
  const named = word.replace(/:r[ow]$/, '');
  const absolute = hostPathOf(named, host.facts);
  if (!isSharablePath(absolute)) {
    throw new MachineError('flag-invalid', `${JSON.stringify(named)} cannot be shared with a machine.`, {
      why: 'Its path has characters that a list of mounts cannot hold.',
    });
  }
  for (const inside of guestPathsOf(absolute, host.facts.platform)) {
    requireFreePlace(absolute, inside);
  }
  if ((await host.files.stat(absolute))?.kind !== 'directory') {
    throw new MachineError('flag-invalid', `There is no directory ${absolute} to share.`, {
      remedies: [`mkdir -p ${absolute}`, '--share none'],
    });
  }
  return sharedDirectory(host, absolute, readOnly);
}

function requireFreePlace(name: string, guestPath: string): void {
  const place = guestPlaceOf(guestPath);
  if (place !== undefined) {
    throw new MachineError('flag-invalid', `${name} cannot be shared with a machine.`, {
      why: `It would be in the way of ${place}, which the machine has for itself.`,
      remedies: [
        isBelow(place, guestPath) && place !== guestPath
          ? 'Share a directory below it.'
          : 'Put what the machine needs into another directory and share that.',
      ],
    });
  }
}

function requireDistinct(shares: readonly SharedDirectory[]): void {
  if (shares.length > sharesMax) {
    throw new MachineError('flag-invalid', `A machine can share ${sharesMax} directories at most.`);
  }
  const paths = shares.flatMap(({ path, guestPaths }) => guestPaths ?? [path]);
  const twice = paths.find((name, index) => paths.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new MachineError('flag-invalid', `${twice} is shared twice.`);
  }
}

/** The shares of a machine from its sidecar's options; what is not in order is left out. */
export function sharesOf(value: unknown, wayName: unknown): MachineShare[] {
  if (!Array.isArray(value)) {
    return [];
  }
  const way = shareWays.find((each) => each === wayName) ?? '9p';
  return value
    .filter(isJsonObject)
    .flatMap(({ path, readOnly, guestPaths = [path] }) =>
      isPath(path) && isPathList(guestPaths) ? [{ path, isReadOnly: readOnly === true, guestPaths }] : [],
    )
    .map((share, index) => ({ ...share, tag: `tsm${index}`, way }));
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && isSharablePath(value);
}

function isPathList(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) && value.length > 0 && value.every((each) => isPath(each) && each.startsWith('/'))
  );
}

/**
 * The guest file `shares`: a line "TAG rw|ro PATH" for each path of the machine; the path goes to the end of the line.
 * What the background agent brings is not among them.
 */
export function guestShareList(shares: readonly MachineShare[]): string {
  // Outer directories first, so that one inside another is not covered by it.
  return shares
    .filter(({ way }) => way !== 'sftp')
    .sort((a, b) => a.path.length - b.path.length)
    .flatMap(({ tag, isReadOnly, guestPaths }) =>
      guestPaths.map((directory) => `${tag} ${isReadOnly ? 'ro' : 'rw'} ${directory}\n`),
    )
    .join('');
}
