import { isMachineError } from '../../core/errors.ts';
import type { DriverManifest, FlagValues } from '../../drivers/driver.ts';
import { defaultDriver, loadDriver } from '../../drivers/registry.ts';
import { changedFiles } from '../../image/cache.ts';
import { findInstalledImage, hostArchitecture, listCachedImages } from '../../image/sources.ts';
import { joinPath } from '../../store/paths.ts';
import { readMachine } from '../open.ts';
import type { Session } from '../session.ts';
import { found, type Found } from './findings.ts';

/** Programs that everybody needs. */
export async function examinePrograms({ host }: Session): Promise<Found[]> {
  const path = await host.processes.find('docker');
  return [path === undefined ? found('docker-client-missing', {}) : found('docker-client', { path })];
}

/** Whether there is an image for this computer. */
export async function examineImage({ host, storePath }: Session): Promise<Found[]> {
  const architecture = hostArchitecture(host);
  const image = await findInstalledImage(host, storePath, architecture);
  return [
    image === undefined
      ? found('image-missing', { architecture })
      : found('image', { version: image.manifest.version, path: image.directory }),
  ];
}

/** Starts look at the sizes of the cached files alone; this reads all of them. */
export async function examineImageCache({ host, storePath }: Session): Promise<Found[]> {
  const broken: string[] = [];
  const findings: Found[] = [];
  const images = await listCachedImages(host, storePath, (problem) => void broken.push(problem));
  for (const { directory, manifest } of images) {
    const changed = await changedFiles(host, directory, manifest);
    broken.push(...changed.map((name) => `${joinPath(directory, name)} was changed`));
    if (changed.length === 0) {
      findings.push(found('image-intact', { version: manifest.version, path: directory }));
    }
  }
  return [...findings, ...broken.map((problem) => found('image-changed', { problem }))];
}

/** The driver that a create takes by itself, and those of the machines that there are. */
export async function driversInUse(session: Session, names: readonly string[]): Promise<readonly string[]> {
  const { name } = await defaultDriver(session.host);
  const records = await Promise.all(
    names.map((machine) => readMachine(session, machine).catch(() => undefined)),
  );
  return [name, ...records.flatMap((record) => record?.DriverName ?? [])];
}

/**
 * What a driver says of this computer, asked with the defaults of its flags. That one cannot be used which nobody wants
 * is no fault: nobody needs every hypervisor.
 */
export async function examineDriver(
  session: Session,
  name: string,
  { isWanted }: { readonly isWanted: boolean },
): Promise<readonly Found[]> {
  const { host, signal, emit } = session;
  const driver = await loadDriver(name, session);
  if (!driver.manifest.capabilities.power) {
    return [];
  }
  let config: unknown;
  try {
    config = driver.readConfig(driver.configure(defaultsOf(driver.manifest)).config);
  } catch (error) {
    if (!isMachineError(error)) {
      throw error;
    }
    return [found('driver', {})];
  }
  const said = await driver.check({ host, signal, emit, config });
  const obstacle = isWanted ? undefined : said.find(({ severity }) => severity === 'error');
  if (obstacle !== undefined) {
    return [found('driver-unused', { obstacle: obstacle.message })];
  }
  return said.map(({ remedy, ...finding }) => ({
    ...finding,
    remedies: remedy === undefined ? [] : [remedy],
  }));
}

function defaultsOf({ flags }: DriverManifest): FlagValues {
  return Object.fromEntries(flags.map((flag) => [flag.name, flag.default]));
}
