import { isMachineError, MachineError, messageOf, systemCode } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';
import type { DriverManifest } from '../driver.ts';
import { checkManifest } from './check-manifest.ts';
import { driversDirectory, installationDirectory, installationFile, isDriverName } from './directory.ts';
import { parseObject, type PackageMetadata } from './package-metadata.ts';

/** A driver from npm that is installed, as far as it is known without running it. */
export interface Installation extends PackageMetadata {
  /** What was asked for: a package, a directory or an archive. */
  readonly from: string;
  readonly manifest: DriverManifest;
}

/** An installation, or what is wrong with it. */
export type FoundInstallation =
  | { readonly name: string; readonly installation: Installation }
  | { readonly name: string; readonly error: MachineError };

/** The slice of Host that is used here. */
type Place = Pick<Host, 'files' | 'facts'>;

/**
 * The installed driver of this name, or undefined.
 * @throws MachineError `driver-invalid` when its description cannot be read.
 */
export async function readInstallation(
  { files, facts }: Place,
  name: string,
): Promise<Installation | undefined> {
  if (!isDriverName(name)) {
    return undefined;
  }
  const file = installationFile(facts, installationDirectory(facts, name), 'description');
  let text: string;
  try {
    text = await files.readText(file);
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT' || systemCode(cause) === 'ENOTDIR') {
      return undefined;
    }
    throw new MachineError('driver-invalid', `The driver "${name}" cannot be read.`, {
      why: messageOf(cause),
      cause,
    });
  }
  return parseInstallation(text, name, file);
}

/** All installed drivers by name; one that is broken says why. Nothing of them is run. */
export async function listInstallations(place: Place): Promise<readonly FoundInstallation[]> {
  const found: FoundInstallation[] = [];
  for (const name of await directoriesIn(place)) {
    try {
      const installation = await readInstallation(place, name);
      if (installation !== undefined) {
        found.push({ name, installation });
      }
    } catch (error) {
      if (!isMachineError(error)) {
        throw error;
      }
      found.push({ name, error });
    }
  }
  return found;
}

/** The content of an installation's description. */
export function installationText(installation: Installation): string {
  return `${JSON.stringify({ schemaVersion: 1, ...installation }, undefined, 2)}\n`;
}

function parseInstallation(text: string, name: string, file: string): Installation {
  const root = parseObject(text, file);
  const { schemaVersion, driver, apiVersion, manifest } = root;
  const texts = ['packageName', 'version', 'title', 'from'].every((key) => typeof root[key] === 'string');
  if (schemaVersion !== 1 || driver !== name || typeof apiVersion !== 'number' || !texts) {
    throw new MachineError('driver-invalid', `${file} does not describe the driver "${name}".`);
  }
  return {
    ...(root as unknown as Installation),
    manifest: checkManifest(manifest, name, String(root['packageName'])),
  };
}

async function directoriesIn({ files, facts }: Place): Promise<readonly string[]> {
  try {
    const entries = await files.list(driversDirectory(facts));
    return entries
      .map((entry) => entry.name)
      .filter(isDriverName)
      .sort();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return [];
    }
    throw error;
  }
}
