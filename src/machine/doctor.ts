import { isMachineError, messageOf } from '../core/errors.ts';
import type { DriverManifest, Finding, FlagValues } from '../drivers/driver.ts';
import { listInstallations } from '../drivers/npm/installation.ts';
import { defaultDriver, driverNames, loadDriver } from '../drivers/registry.ts';
import { changedFiles } from '../image/cache.ts';
import { findInstalledImage, hostArchitecture, listCachedImages } from '../image/sources.ts';
import { certFile, joinPath } from '../store/paths.ts';
import { connectionOf } from './connection.ts';
import { listNames } from './list.ts';
import { machinePaths } from './machine-paths.ts';
import { driverContext, openMachine, readMachine } from './open.ts';
import { loadOwnData } from './own-data.ts';
import type { Session } from './session.ts';

const connectTimeoutMs = 10_000;
const dayMs = 24 * 60 * 60 * 1000;
const warnBeforeMs = { ca: 90 * dayMs, leaf: 30 * dayMs };

/** A finding and what it is about: `host`, `store`, `driver qemu`, `machine default`. */
export type Diagnosis = Finding & { readonly subject: string };

/**
 * Looks at everything that could be wrong: programs, store, certificates, drivers, image, and each machine
 * (or only the named one).
 */
export async function examine(session: Session, name?: string): Promise<Diagnosis[]> {
  const machines = name === undefined ? await listNames(session) : [name];
  const installed = (await listInstallations(session.host)).map((found) => found.name);
  const drivers = [...new Set([...driverNames, ...installed])];
  const wanted = new Set([...installed, ...(await driversInUse(session))]);
  const parts = await Promise.all([
    about('host', examinePrograms(session)),
    about('store', examineStore(session)),
    about('image', examineImage(session)),
    about('image', examineImageCache(session)),
    ...drivers.map((driver) =>
      about(`driver ${driver}`, examineDriver(session, driver, { isWanted: wanted.has(driver) })),
    ),
    ...machines.map((machine) => about(`machine ${machine}`, examineMachine(session, machine))),
  ]);
  return parts.flat();
}

async function about(subject: string, findings: Promise<readonly Finding[]>): Promise<Diagnosis[]> {
  try {
    return (await findings).map((finding) => ({ subject, ...finding }));
  } catch (error) {
    return [{ subject, ...findingOf(error, subject.split(' ')[1] ?? 'NAME') }];
  }
}

function findingOf(error: unknown, name: string): Finding {
  if (!isMachineError(error)) {
    return { severity: 'error', code: 'bug', message: messageOf(error) };
  }
  const [remedy] = error.remedies;
  return {
    severity: 'error',
    code: error.code,
    message: error.why === undefined ? error.message : `${error.message} (${error.why})`,
    ...(remedy === undefined ? {} : { remedy: remedy.replaceAll('NAME', name) }),
  };
}

async function examinePrograms({ host }: Session): Promise<Finding[]> {
  const docker = await host.processes.find('docker');
  return [
    docker === undefined
      ? {
          severity: 'warning',
          code: 'docker-client-missing',
          message: 'The docker client was not found on PATH.',
          remedy: 'Install it: https://docs.docker.com/engine/install/binaries/',
        }
      : { severity: 'ok', code: 'docker-client', message: `docker client: ${docker}` },
  ];
}

async function examineStore({ host, storePath }: Session): Promise<Finding[]> {
  const stat = await host.files.stat(storePath);
  if (stat === undefined) {
    return [
      { severity: 'ok', code: 'store-empty', message: `${storePath} will be made by the first create` },
    ];
  }
  const findings: Finding[] = [{ severity: 'ok', code: 'store', message: `store: ${storePath}` }];
  if (host.facts.platform !== 'win32' && (stat.mode & 0o022) !== 0) {
    findings.push({
      severity: 'error',
      code: 'store-unsafe',
      message: `Other users can change ${storePath}.`,
      remedy: `chmod go-w ${storePath}`,
    });
  }
  for (const [file, beforeMs] of [
    ['ca', warnBeforeMs.ca],
    ['clientCert', warnBeforeMs.leaf],
  ] as const) {
    const remedy = file === 'ca' ? undefined : 'tsmachine regenerate-certs --client-certs NAME';
    findings.push(...(await examineCertificate(host, certFile(storePath, file), { beforeMs, remedy })));
  }
  return findings;
}

async function examineCertificate(
  host: Session['host'],
  file: string,
  warn: { readonly beforeMs: number; readonly remedy: string | undefined },
): Promise<Finding[]> {
  if ((await host.files.stat(file)) === undefined) {
    return [];
  }
  const { certificateLife, readCertificate } = await import('../tls/certificate.ts');
  const { notAfterMs } = certificateLife(readCertificate(await host.files.readText(file), file));
  const leftDays = Math.floor((notAfterMs - host.clock.nowMs()) / dayMs);
  if (notAfterMs - host.clock.nowMs() > warn.beforeMs) {
    return [{ severity: 'ok', code: 'certificate', message: `${file}: valid for ${leftDays} days` }];
  }
  return [
    {
      severity: leftDays < 0 ? 'error' : 'warning',
      code: 'certificate-ends',
      message: leftDays < 0 ? `${file} has expired.` : `${file} ends in ${leftDays} days.`,
      ...(warn.remedy === undefined ? {} : { remedy: warn.remedy }),
    },
  ];
}

async function examineImage({ host, storePath }: Session): Promise<Finding[]> {
  const architecture = hostArchitecture(host);
  const image = await findInstalledImage(host, storePath, architecture);
  return [
    image === undefined
      ? {
          severity: 'warning',
          code: 'image-missing',
          message: `No machine image for ${architecture} is on this computer.`,
          remedy: 'tsmachine image build',
        }
      : { severity: 'ok', code: 'image', message: `image ${image.manifest.version} in ${image.directory}` },
  ];
}

// Starts look at the sizes of the files alone; this reads all of them.
async function examineImageCache({ host, storePath }: Session): Promise<Finding[]> {
  const broken: string[] = [];
  const findings: Finding[] = [];
  const images = await listCachedImages(host, storePath, (problem) => void broken.push(problem));
  for (const { directory, manifest } of images) {
    const changed = await changedFiles(host, directory, manifest);
    broken.push(...changed.map((name) => `${joinPath(directory, name)} was changed`));
    if (changed.length === 0) {
      const message = `image ${manifest.version} in ${directory} is intact`;
      findings.push({ severity: 'ok', code: 'image-intact', message });
    }
  }
  const remedy =
    'Stop the machines that boot this image, remove its directory, and start them again: they bring it anew.';
  return [
    ...findings,
    ...broken.map((message) => ({ severity: 'error', code: 'image-changed', message, remedy }) as const),
  ];
}

/** The driver that a create takes by itself, and those of the machines that there are. */
async function driversInUse(session: Session): Promise<readonly string[]> {
  const { name } = await defaultDriver(session.host);
  const records = await Promise.all(
    (await listNames(session)).map((machine) => readMachine(session, machine).catch(() => undefined)),
  );
  return [name, ...records.flatMap((record) => record?.DriverName ?? [])];
}

async function examineDriver(
  session: Session,
  name: string,
  { isWanted }: { readonly isWanted: boolean },
): Promise<readonly Finding[]> {
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
    return [{ severity: 'ok', code: 'driver', message: 'loads; what more it needs depends on its flags' }];
  }
  const findings = await driver.check({ host, signal, emit, config });
  const obstacle = isWanted ? undefined : findings.find(({ severity }) => severity === 'error');
  // Nobody needs every hypervisor.
  return obstacle === undefined
    ? findings
    : [{ severity: 'ok', code: 'driver-unused', message: `cannot be used here: ${obstacle.message}` }];
}

function defaultsOf({ flags }: DriverManifest): FlagValues {
  return Object.fromEntries(flags.map((flag) => [flag.name, flag.default]));
}

async function examineMachine(session: Session, name: string): Promise<Finding[]> {
  const machine = await openMachine(session, name);
  const { phase } = await loadOwnData(session, name);
  if (phase !== 'ready') {
    return [
      {
        severity: 'warning',
        code: 'machine-incomplete',
        message: `The ${phase === 'creating' ? 'create' : 'removal'} was never finished.`,
        remedy: phase === 'creating' ? `tsmachine create --resume ${name}` : `tsmachine rm ${name}`,
      },
    ];
  }
  const status = await machine.driver.inspect(driverContext(session, machine));
  if (status.engineUrl === undefined) {
    return [{ severity: 'ok', code: 'machine', message: `is ${status.power}` }];
  }
  await connectionOf(session, name, { check: true, timeoutMs: connectTimeoutMs });
  const server = await examineCertificate(session.host, machinePaths(machine.directory).serverCert, {
    beforeMs: 0,
    remedy: `tsmachine regenerate-certs ${name}`,
  });
  return [{ severity: 'ok', code: 'machine', message: `answers at ${status.engineUrl}` }, ...server];
}
