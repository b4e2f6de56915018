import { MachineError, messageOf } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';
import type { Driver } from '../driver.ts';
import { checkManifest } from './check-manifest.ts';
import { guardMethods } from './guard.ts';
import { installationDirectory, installationFile, requirePrivate } from './directory.ts';
import type { Installation } from './installation.ts';
import { provideOwnPackage } from './own-package.ts';
import { requireApiVersion, type PackageMetadata } from './package-metadata.ts';

const methods = [
  'configure',
  'readConfig',
  'check',
  'steps',
  'start',
  'stop',
  'kill',
  'remove',
  'inspect',
] as const satisfies readonly (keyof Driver)[];

const optionalMethods = [
  'configureWith',
  'restart',
  'prune',
  'listForwards',
  'changeForwards',
  'logs',
] as const satisfies readonly (keyof Driver)[];

/**
 * Imports the driver of an installed package, which runs its code.
 * @throws MachineError `driver-invalid`, `store-unsafe`.
 */
export async function loadInstalled(host: Host, installation: Installation): Promise<Driver> {
  return loadPackage(host, installation, installationDirectory(host.facts, installation.driver));
}

/** The same for a package that lies in `directory` and is not in its place yet. */
export async function loadPackage(host: Host, metadata: PackageMetadata, directory: string): Promise<Driver> {
  requireApiVersion(metadata);
  await requirePrivate(host);
  await provideOwnPackage(host);
  const where = `the package ${metadata.packageName} ${metadata.version}`;
  const driver = await importDriver(host, directory, where);
  const missing = methods.find((method) => typeof driver[method] !== 'function');
  const wrong = optionalMethods.find((method) => !['function', 'undefined'].includes(typeof driver[method]));
  if (missing !== undefined || wrong !== undefined) {
    const name = missing ?? wrong ?? '';
    throw new MachineError('driver-invalid', `The driver in ${where} cannot be used.`, {
      why: `it has no function ${name}; a driver is what defineDriver(manifest, implementation) returns`,
    });
  }
  const manifest = checkManifest(driver.manifest, metadata.driver, where);
  const functions = guardMethods(driver, [...methods, ...optionalMethods], metadata);
  return { ...functions, manifest } as unknown as Driver;
}

async function importDriver(host: Host, directory: string, where: string): Promise<Driver> {
  let imported: unknown;
  try {
    imported = await host.importModule(installationFile(host.facts, directory, 'entry'));
  } catch (cause) {
    throw new MachineError('driver-invalid', `The driver in ${where} cannot be loaded.`, {
      why: messageOf(cause),
      cause,
    });
  }
  const driver = (imported as { readonly default?: unknown } | null)?.default;
  if (typeof driver !== 'object' || driver === null) {
    throw new MachineError('driver-invalid', `The driver in ${where} cannot be used.`, {
      why: 'its default export is not what defineDriver(manifest, implementation) returns',
    });
  }
  return driver as Driver;
}
