import { isMachineError, messageOf } from '../../core/errors.ts';
import { isCoreDriver, pluginNameOf } from '../../drivers/plugin/find.ts';
import { readLockOwner } from '../../store/lock.ts';
import { certFile, machineDirectory, machineLockPath } from '../../store/paths.ts';
import type { MachineRecord } from '../../store/record.ts';
import { loadSidecar, type Sidecar } from '../../store/sidecar.ts';
import { readJournal } from '../journal.ts';
import { machinePaths, type MachinePaths } from '../machine-paths.ts';
import { driverContext, openRecord, type OpenMachine } from '../open.ts';
import { ownDataOf } from '../own-data.ts';
import { stateName } from '../probe.ts';
import type { Session } from '../session.ts';
import { examineBinds } from './binds.ts';
import { examineCertificate } from './certificates.ts';
import { found, type Found } from './findings.ts';
import { foundError } from './found-error.ts';
import { examineDirectory, examineSecret } from './permissions.ts';
import { examineRecord } from './record.ts';
import { examineRunning } from './running.ts';

/** One machine of the store: record, journal, files, driver and connection, as far as each can be looked at. */
export async function examineMachine(session: Session, name: string): Promise<Found[]> {
  const { host, storePath } = session;
  let directory: string;
  try {
    directory = machineDirectory(storePath, name);
  } catch (error) {
    return [found('name-unusable', { name, problem: reasonOf(error) })];
  }
  const paths = machinePaths(directory);
  const { findings, record, version } = await examineRecord(session, name, paths);
  const [files, own, busy] = await Promise.all([
    examineFiles(session, directory, paths),
    readOwn(session, name, paths),
    lockFinding(session, name),
  ]);
  const all = [...findings, ...own.findings, ...busy, ...files];
  if (record === undefined) {
    return all;
  }
  const maker = makerOf(record, own.sidecar, version);
  const unfinished = busy.length > 0 ? [] : await unfinishedFinding(session, name, { paths, ...own });
  const isWhole = own.findings.length === 0 && unfinished.length === 0 && busy.length === 0;
  // Before the connection is tried: that makes copies of the client's files where they are missing.
  const certificates = await examineCertificates(host, storePath, name, paths);
  const rest = await examineDriver(session, { name, record, paths, isWhole });
  return [maker, ...all, ...unfinished, ...certificates, ...rest];
}

function makerOf(record: MachineRecord, sidecar: Sidecar | undefined, version: number): Found {
  const { DriverName: driver } = record;
  return sidecar === undefined
    ? found('made-by-docker-machine', { driver, version })
    : found('made-by-tsmachine', { driver, day: sidecar.created.slice(0, 10) });
}

async function examineFiles(session: Session, directory: string, paths: MachinePaths): Promise<Found[]> {
  const { host } = session;
  const parts = await Promise.all([
    examineDirectory(host, directory),
    ...(['clientKey', 'serverKey', 'sshKey'] as const).map((file) =>
      examineSecret(host, paths[file], 'a private key'),
    ),
    examineSecret(host, paths.config, 'a record, in which tokens may be,'),
    examineSecret(host, paths.secrets, 'a file of secrets'),
  ]);
  return parts.flat();
}

interface Own {
  readonly findings: readonly Found[];
  readonly sidecar: Sidecar | undefined;
}

async function readOwn({ host, storePath }: Session, name: string, paths: MachinePaths): Promise<Own> {
  try {
    return { findings: [], sidecar: await loadSidecar(host, storePath, name) };
  } catch (error) {
    const facts = { name, path: paths.sidecar, problem: reasonOf(error) };
    return { findings: [found('own-data-unusable', facts)], sidecar: undefined };
  }
}

/** Whoever works on the machine just now. */
async function lockFinding({ host, storePath }: Session, name: string): Promise<Found[]> {
  const owner = await readLockOwner(host, machineLockPath(storePath, name));
  if (owner === undefined || !(await host.processes.isAlive(owner))) {
    return [];
  }
  const { command, pid, since } = owner;
  return [found('lock-held', { command, pid, since })];
}

async function unfinishedFinding(
  { host }: Session,
  name: string,
  { paths, sidecar }: { readonly paths: MachinePaths } & Own,
): Promise<Found[]> {
  const { phase } = ownDataOf(sidecar);
  if (phase === 'removing') {
    return [found('removal-unfinished', { name })];
  }
  try {
    const entries = await readJournal(host, paths.journal);
    return phase === 'ready'
      ? []
      : [found('create-unfinished', { name, step: entries.at(-1)?.step ?? 'none' })];
  } catch (error) {
    return [found('journal-unusable', { name, problem: messageOf(error) })];
  }
}

interface Subject {
  readonly name: string;
  readonly record: MachineRecord;
  readonly paths: MachinePaths;
  /** False for a machine that nobody expects to answer. */
  readonly isWhole: boolean;
}

async function examineDriver(session: Session, { name, record, paths, isWhole }: Subject): Promise<Found[]> {
  let machine: OpenMachine;
  try {
    machine = await openRecord(session, name, record);
  } catch (error) {
    return [isMissingDriver(error) ? missingDriver(name, record.DriverName) : foundError(error, name)];
  }
  return [
    ...(await examineSshKey(session, machine, paths)),
    ...(isWhole ? await examineConnection(session, machine) : []),
  ];
}

function isMissingDriver(error: unknown): boolean {
  return isMachineError(error) && error.code === 'driver-unknown';
}

function missingDriver(name: string, driver: string): Found {
  return isCoreDriver(driver)
    ? found('driver-of-docker-machine', { name, driver })
    : found('driver-missing', { name, driver, program: pluginNameOf(driver) });
}

async function examineSshKey({ host }: Session, machine: OpenMachine, paths: MachinePaths): Promise<Found[]> {
  const { boots } = machine.driver.manifest.capabilities;
  const named = machine.record.Driver.SSHKeyPath ?? '';
  const path = boots === 'image' ? paths.sshKey : named;
  if (boots === 'nothing' || path === '') {
    return [];
  }
  const real = await host.files.realPath(path).catch(() => undefined);
  return real === undefined
    ? [found('ssh-key-missing', { path })]
    : path === paths.sshKey
      ? []
      : examineSecret(host, path, 'a private key');
}

async function examineConnection(session: Session, machine: OpenMachine): Promise<Found[]> {
  const { name } = machine;
  const status = await machine.driver.inspect(driverContext(session, machine));
  const { power, detail, engineUrl } = status;
  if (power === 'error') {
    return [found('machine-error', { name, problem: detail ?? 'It does not say which.' })];
  }
  if (status.engineUrl === undefined && status.ssh === undefined) {
    return [found('machine', { state: stateName(power) })];
  }
  const seen = await examineRunning(session, machine, status);
  const answers = seen.some(({ code }) => code === 'machine-answers');
  return answers && engineUrl !== undefined
    ? [...seen, ...(await examineBinds(session, machine, engineUrl))]
    : seen;
}

async function examineCertificates(
  host: Session['host'],
  storePath: string,
  name: string,
  paths: MachinePaths,
): Promise<Found[]> {
  const renewClient = `tsmachine regenerate-certs --client-certs ${name}`;
  const [server, client] = await Promise.all([
    examineCertificate(host, {
      path: paths.serverCert,
      role: 'leaf',
      keyPath: paths.serverKey,
      caPath: paths.ca,
      remedies: [`tsmachine regenerate-certs ${name}`],
    }),
    examineCertificate(host, {
      path: paths.clientCert,
      role: 'leaf',
      keyPath: paths.clientKey,
      caPath: paths.ca,
      remedies: [renewClient],
    }),
  ]);
  const [own, ofStore] = await Promise.all(
    [paths.ca, certFile(storePath, 'ca')].map((path) => host.files.readText(path).catch(() => undefined)),
  );
  const isForeign = own !== undefined && ofStore !== undefined && own.trim() !== ofStore.trim();
  return [
    ...server,
    ...client,
    ...(isForeign ? [found('ca-of-another-store', { name, path: paths.ca })] : []),
  ];
}

function reasonOf(error: unknown): string {
  return isMachineError(error) && error.why !== undefined ? error.why : messageOf(error);
}
