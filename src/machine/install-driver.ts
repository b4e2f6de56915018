import { MachineError } from '../core/errors.ts';
import { checkManifest, flagNames } from '../drivers/npm/check-manifest.ts';
import {
  driversDirectory,
  installationDirectory,
  installationFile,
  requirePrivate,
} from '../drivers/npm/directory.ts';
import { installationText, readInstallation, type Installation } from '../drivers/npm/installation.ts';
import { loadPackage } from '../drivers/npm/load.ts';
import { parseObject, readPackageMetadata, type PackageMetadata } from '../drivers/npm/package-metadata.ts';
import { driverNames } from '../drivers/registry.ts';
import { withLock } from '../store/lock.ts';
import { joinPath } from '../store/paths.ts';
import { readDriverSource, type DriverSource } from './driver-source.ts';
import { npmCommand, runNpm } from './npm.ts';
import type { Session } from './session.ts';

/** Another process may be installing from a slow network. */
const lockTimeoutMs = 60_000;
/** Directories that are not a driver's (yet, or any more); what a killed process left of them goes with the next change. */
const passing = { added: '.added-', removed: '.removed-' } as const;

/** How a driver is installed. */
export interface InstallOptions {
  /** A package of npm's registry, a directory or a .tgz file. */
  readonly package: string;
  /** Flags of `create` that every driver has: a driver must not have them too. */
  readonly reservedFlags: readonly string[];
  /** Is told each command before it is run. */
  readonly onCommand: (command: readonly string[]) => void;
}

/**
 * Installs the driver of a package with npm, in a directory of its own with a lock file, and loads it once, so that a
 * driver that is installed is one that works. One of the same package is replaced in one rename.
 * @throws MachineError `arguments-invalid`, `driver-invalid`, and what npm reports.
 */
export async function installDriver(session: Session, options: InstallOptions): Promise<Installation> {
  const source = await readDriverSource(session.host, options.package);
  return changingDrivers(session, `driver add ${options.package}`, async (drivers) => {
    const staging = joinPath(drivers, passing.added + randomName(session));
    await session.host.files.makeDirectory(staging, 0o700);
    try {
      const metadata = await fetchPackage(session, { source, staging }, options);
      await requireFree(session, metadata);
      const installation = await tryOut(session, { ...metadata, from: source.spec }, { staging, ...options });
      await replace(session, staging, installation.driver);
      return installation;
    } finally {
      await session.host.files.remove(staging);
    }
  });
}

/** Removes an installed driver's directory. @throws MachineError `driver-unknown`. */
export async function removeInstallation(session: Session, name: string): Promise<void> {
  const { files, facts } = session.host;
  await changingDrivers(session, `driver rm ${name}`, async (drivers) => {
    const directory = installationDirectory(facts, name);
    const aside = joinPath(drivers, passing.removed + randomName(session));
    await files.rename(directory, aside);
    await files.remove(aside);
  });
}

/** Holds the lock of the installed drivers, in a directory that is fit for them. */
async function changingDrivers<T>(
  session: Session,
  what: string,
  action: (drivers: string) => Promise<T>,
): Promise<T> {
  const { host, signal, emit } = session;
  const drivers = driversDirectory(host.facts);
  await host.files.makeDirectory(drivers, 0o700);
  await requirePrivate(host);
  const onWait = ({ pid, command }: { readonly pid: number; readonly command: string }): void => {
    emit({ type: 'note', message: `Waiting for process ${pid} (${command}).` });
  };
  return withLock(
    host,
    joinPath(drivers, '.lock'),
    { what, timeoutMs: lockTimeoutMs, signal, onWait },
    async () => {
      for (const { name } of await host.files.list(drivers)) {
        if (Object.values(passing).some((prefix) => name.startsWith(prefix))) {
          await host.files.remove(joinPath(drivers, name));
        }
      }
      return action(drivers);
    },
  );
}

/** Lets npm put the package into the staging directory, and reads what it says of itself. */
async function fetchPackage(
  session: Session,
  { source, staging }: { readonly source: DriverSource; readonly staging: string },
  { onCommand }: InstallOptions,
): Promise<PackageMetadata> {
  const { files } = session.host;
  const npm = async (verb: 'install' | 'pack', spec: string): Promise<string> => {
    const command = npmCommand(verb, spec, staging);
    onCommand(command);
    return runNpm(session, command, staging);
  };
  const packageFile = joinPath(staging, 'package.json');
  await files.writeAtomic(packageFile, '{ "name": "installed-driver", "private": true }\n', 0o600);
  if (source.kind === 'registry') {
    await npm('install', source.spec);
  } else {
    // As an archive beside the lock file its integrity is pinned like that of any other package.
    await npm('pack', source.spec);
    const archive = (await files.list(staging)).find(({ name }) => name.endsWith('.tgz'));
    if (archive === undefined) {
      throw new MachineError('program-failed', `npm made no package of ${source.spec}.`);
    }
    await npm('install', `./${archive.name}`);
  }
  const { dependencies } = parseObject(await files.readText(packageFile), packageFile);
  const [name = ''] = Object.keys(dependencies ?? {});
  const installed = joinPath(staging, 'node_modules', ...name.split('/'), 'package.json');
  const text = await files.readText(installed).catch((cause: unknown) => {
    throw new MachineError('program-failed', `npm did not install ${source.spec}.`, { cause });
  });
  return readPackageMetadata(text, `The package.json of ${name === '' ? source.spec : name}`);
}

/** @throws MachineError `driver-invalid` when the name is that of another driver. */
async function requireFree({ host }: Session, { driver, packageName }: PackageMetadata): Promise<void> {
  if (driverNames.includes(driver)) {
    throw new MachineError('driver-invalid', `The package ${packageName} cannot be added.`, {
      why: `a driver "${driver}" is built in`,
      remedies: [],
    });
  }
  // One that is broken may be replaced by any.
  const present = await readInstallation(host, driver).catch(() => undefined);
  if (present !== undefined && present.packageName !== packageName) {
    throw new MachineError('driver-invalid', `The package ${packageName} cannot be added.`, {
      why: `there is a driver "${driver}" from the package ${present.packageName}`,
      remedies: [`To put the new one in its place: tsmachine driver rm ${driver}`],
    });
  }
}

/** Loads the driver where it lies and writes down what is known of it. */
async function tryOut(
  { host }: Session,
  metadata: PackageMetadata & { readonly from: string },
  { staging, reservedFlags }: Pick<InstallOptions, 'reservedFlags'> & { readonly staging: string },
): Promise<Installation> {
  const { files, facts } = host;
  const entry = `export { default } from ${JSON.stringify(metadata.packageName)};\n`;
  await files.writeAtomic(installationFile(facts, staging, 'entry'), entry, 0o600);
  const driver = await loadPackage(host, metadata, staging);
  const manifest = checkManifest(driver.manifest, metadata.driver, metadata.packageName);
  const taken = flagNames(manifest).find((flag) => reservedFlags.includes(flag));
  if (taken !== undefined) {
    throw new MachineError('driver-invalid', `The driver in ${metadata.packageName} cannot be used.`, {
      why: `its flag --${taken} is one that every driver has`,
    });
  }
  const installation = { ...metadata, manifest };
  await files.writeAtomic(
    installationFile(facts, staging, 'description'),
    installationText(installation),
    0o600,
  );
  return installation;
}

async function replace(session: Session, staging: string, name: string): Promise<void> {
  const { files, facts } = session.host;
  const directory = installationDirectory(facts, name);
  const aside = joinPath(driversDirectory(facts), passing.removed + randomName(session));
  const isReplaced = (await files.stat(directory)) !== undefined;
  if (isReplaced) {
    await files.rename(directory, aside);
  }
  await files.rename(staging, directory);
  if (isReplaced) {
    await files.remove(aside);
  }
}

function randomName({ host }: Session): string {
  return Buffer.from(host.randomBytes(6)).toString('hex');
}
