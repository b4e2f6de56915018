import { isMachineError, messageOf } from '../../core/errors.ts';
import { loadRecord, readRecordVersion } from '../../store/machine-files.ts';
import { isInside, joinPath, machineFiles } from '../../store/paths.ts';
import { CONFIG_VERSION, type MachineRecord } from '../../store/record.ts';
import type { MachinePaths } from '../machine-paths.ts';
import type { Session } from '../session.ts';
import { found, type Found } from './findings.ts';

/** What is to be said of a record, and the record where there is one. */
export interface ExaminedRecord {
  readonly findings: readonly Found[];
  readonly record?: MachineRecord;
  /** As the file has it. */
  readonly version: number;
}

/** The record of a machine: its version, whether it can be used, and why not. Writes nothing. */
export async function examineRecord(
  session: Session,
  name: string,
  paths: MachinePaths,
): Promise<ExaminedRecord> {
  const { host, storePath } = session;
  let damage: string | undefined;
  try {
    const record = await loadRecord(host, storePath, name, (message) => (damage = message));
    if (damage !== undefined) {
      return { findings: [damagedFinding(paths)], record, version: CONFIG_VERSION };
    }
    const version = await readRecordVersion(host, storePath, name);
    return { findings: [...oldFinding(version), ...elsewhere(session, record, paths)], record, version };
  } catch (error) {
    return { findings: [await brokenFinding(session, { name, paths, error })], version: 0 };
  }
}

function oldFinding(version: number): Found[] {
  return version < CONFIG_VERSION ? [found('record-old', { version })] : [];
}

function damagedFinding({ config, configBackup }: MachinePaths): Found {
  return found('record-damaged', { path: config, backup: configBackup, problem: 'It is not complete JSON.' });
}

/** Files of a store that is not this one: it was moved, or is shared under another path. */
function elsewhere({ storePath }: Session, record: MachineRecord, { config }: MachinePaths): Found[] {
  const auth = record.HostOptions.AuthOptions;
  const named = [record.Driver.StorePath, auth?.CertDir, auth?.StorePath];
  const otherPath = named.find((path) => path !== undefined && path !== '' && !isInside(storePath, path));
  return otherPath === undefined
    ? []
    : [found('record-of-another-store', { otherPath, storePath, path: config })];
}

interface Broken {
  readonly name: string;
  readonly paths: MachinePaths;
  readonly error: unknown;
}

async function brokenFinding(session: Session, { name, paths, error }: Broken): Promise<Found> {
  const path = paths.config;
  const code = isMachineError(error) ? error.code : undefined;
  const problem = messageOf(error);
  if (code === 'machine-incomplete') {
    const temporary = await temporaryRecord(session, paths);
    return temporary === undefined
      ? found('record-missing', { name, path })
      : found('record-unsaved', { path, temporary });
  }
  if (code === 'record-from-future') {
    return found('record-from-future', { path, problem });
  }
  if (code !== 'record-invalid') {
    throw error;
  }
  const isDamaged = isMachineError(error) && error.facts['reason'] === 'syntax';
  return isDamaged
    ? found('record-broken', { name, path, problem })
    : found('record-wrong', { name, path, backup: paths.configBackup, problem });
}

/** What docker-machine was about to put in the place of a record: `config.json.tmpNNN`. */
async function temporaryRecord({ host }: Session, { config }: MachinePaths): Promise<string | undefined> {
  const directory = config.slice(0, -machineFiles.config.length - 1);
  const entries = await host.files.list(directory).catch(() => []);
  const name = entries.map((entry) => entry.name).find((each) => /^config\.json\.tmp\d+$/.test(each));
  return name === undefined ? undefined : joinPath(directory, name);
}
