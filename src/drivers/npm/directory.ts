import { posix, win32, type PlatformPath } from 'node:path';
import { MachineError } from '../../core/errors.ts';
import type { Host, HostFacts } from '../../host/types.ts';

/** Files in the directory of one installed driver. npm's own are beside them: package.json, the lock file, node_modules. */
const installationFiles = {
  /** What is known of the driver without running it. */
  description: 'driver.json',
  /** Imports the package by its name, so that Node itself finds its entry. */
  entry: 'entry.mjs',
} as const;

/** The manner of paths of the platform. */
export function pathsOf({ platform }: Pick<HostFacts, 'platform'>): PlatformPath {
  return platform === 'win32' ? win32 : posix;
}

/**
 * Where drivers from npm are installed, a directory each: TSMACHINE_DRIVERS, else the platform's place for what a
 * program keeps for its user. Never in a store of machines, which docker-machine reads too.
 * @throws MachineError `arguments-invalid` for a relative TSMACHINE_DRIVERS: what is there would be anybody's.
 */
export function driversDirectory(facts: HostFacts): string {
  const { env, homeDirectory, platform } = facts;
  const paths = pathsOf(facts);
  const given = env['TSMACHINE_DRIVERS'] ?? '';
  if (given !== '') {
    if (!paths.isAbsolute(given) || given.includes('\0')) {
      throw new MachineError('arguments-invalid', 'TSMACHINE_DRIVERS must be an absolute path.');
    }
    return paths.normalize(given);
  }
  const absolute = (path: string | undefined): string | undefined =>
    path !== undefined && paths.isAbsolute(path) ? path : undefined;
  const base =
    platform === 'win32'
      ? (absolute(env['LOCALAPPDATA']) ?? paths.join(homeDirectory, 'AppData', 'Local'))
      : platform === 'darwin'
        ? paths.join(homeDirectory, 'Library', 'Application Support')
        : (absolute(env['XDG_DATA_HOME']) ?? paths.join(homeDirectory, '.local', 'share'));
  return paths.join(base, 'tsmachine', 'drivers');
}

/** True for a word that can be the name of a driver and of a directory. */
export function isDriverName(name: string): boolean {
  return /^[a-z][a-z0-9-]{0,62}$/.test(name);
}

/** Directory of one installed driver. */
export function installationDirectory(facts: HostFacts, name: string): string {
  if (!isDriverName(name)) {
    throw new MachineError('bug', `${JSON.stringify(name)} cannot be the name of a driver.`);
  }
  return pathsOf(facts).join(driversDirectory(facts), name);
}

/** One of our own files in an installation. */
export function installationFile(
  facts: HostFacts,
  directory: string,
  file: keyof typeof installationFiles,
): string {
  return pathsOf(facts).join(directory, installationFiles[file]);
}

/**
 * Code is run from this directory, so nobody else may write to it.
 * @throws MachineError `store-unsafe`.
 */
export async function requirePrivate({ files, facts }: Pick<Host, 'files' | 'facts'>): Promise<void> {
  const directory = driversDirectory(facts);
  const stat = facts.platform === 'win32' ? undefined : await files.stat(directory);
  if (stat?.kind === 'directory' && (stat.mode & 0o022) !== 0) {
    throw new MachineError('store-unsafe', `Other users can change ${directory}.`, {
      why: 'drivers are run from there',
      remedies: [`Run: chmod go-w ${directory}`],
    });
  }
}
