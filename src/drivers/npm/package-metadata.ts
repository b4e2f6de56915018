import { MachineError } from '../../core/errors.ts';
import { driverApiVersion } from '../driver.ts';
import { isDriverName } from './directory.ts';

/** What the package.json of a driver says. */
export interface PackageMetadata {
  /** `tsmachine-driver-NAME` or `@scope/tsmachine-driver-NAME`. */
  readonly packageName: string;
  readonly version: string;
  /** As in `create -d NAME`. */
  readonly driver: string;
  readonly title: string;
  /** Version of the contract for which it was written. */
  readonly apiVersion: number;
}

const PACKAGE_NAME = /^(?:@[a-z0-9-][a-z0-9._-]*\/)?tsmachine-driver-([a-z][a-z0-9-]*)$/;

/** The driver that a package of this name brings; undefined for a name that no driver's package has. */
export function driverOfPackage(packageName: string): string | undefined {
  return PACKAGE_NAME.exec(packageName)?.[1];
}

/**
 * Reads a package.json:
 * `{ "name": "tsmachine-driver-NAME", "tsmachine": { "driver": "NAME", "title": "…", "apiVersion": 1 } }`.
 * @throws MachineError `driver-invalid`.
 */
export function readPackageMetadata(text: string, where: string): PackageMetadata {
  const root = parseObject(text, where);
  const own = root['tsmachine'];
  if (typeof own !== 'object' || own === null) {
    throw invalid(where, 'it has no key "tsmachine", so the package is no driver');
  }
  const { driver, title, apiVersion } = own as Record<string, unknown>;
  const { name, version } = root;
  if (typeof name !== 'string' || driverOfPackage(name) === undefined) {
    throw invalid(where, 'the name of the package is not "tsmachine-driver-NAME"');
  }
  if (typeof driver !== 'string' || !isDriverName(driver) || driverOfPackage(name) !== driver) {
    throw invalid(
      where,
      `"tsmachine.driver" is not "${driverOfPackage(name) ?? ''}", as the package's name says`,
    );
  }
  if (typeof title !== 'string' || title === '') {
    throw invalid(where, '"tsmachine.title" is no text');
  }
  if (typeof apiVersion !== 'number' || !Number.isSafeInteger(apiVersion)) {
    throw invalid(where, '"tsmachine.apiVersion" is no whole number');
  }
  return {
    packageName: name,
    version: typeof version === 'string' ? version : '',
    driver,
    title,
    apiVersion,
  };
}

/** @throws MachineError `driver-invalid` for a driver that was written for another version of the contract. */
export function requireApiVersion({ packageName, version, apiVersion }: PackageMetadata): void {
  if (apiVersion === driverApiVersion) {
    return;
  }
  throw new MachineError('driver-invalid', `The driver package ${packageName} ${version} does not fit.`, {
    why: `it was made for version ${apiVersion} of the interface of drivers, and this program has version ${driverApiVersion}`,
    remedies: [
      apiVersion > driverApiVersion
        ? 'Upgrade tsmachine.'
        : `Install a newer version: tsmachine driver add ${packageName}@latest`,
    ],
  });
}

/** @throws MachineError `driver-invalid` for a text that is no JSON object. */
export function parseObject(text: string, where: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(where, 'it is no JSON', cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(where, 'it is no JSON object');
  }
  return value as Readonly<Record<string, unknown>>;
}

function invalid(where: string, why: string, cause?: unknown): MachineError {
  return new MachineError('driver-invalid', `${where} does not describe a driver.`, {
    why,
    ...(cause === undefined ? {} : { cause }),
  });
}
