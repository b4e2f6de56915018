import { isMachineError, MachineError, systemCode } from '../core/errors.ts';
import type { FileStat, Host } from '../host/types.ts';
import { parseJsonObject, recordProblem } from './go-json.ts';
import {
  joinPath,
  machineDirectory,
  machineFile,
  machineFiles,
  removedDirectory,
  storeDirectories,
} from './paths.ts';
import { CONFIG_VERSION, formatRecord, readRecord, versionOf } from './record.ts';
import type { MachineRecord } from './record.ts';

/** No record of docker-machine's comes near this; a file that does is no record. */
const RECORD_MAX_BYTES = 1024 * 1024;

/** Temporary files of writers, left over when one of them was killed: `NAME.tmp-PID-COUNT`. */
const TEMPORARY = /\.tmp-(\d{1,10})-\d+$/;

/** Told about what was found wrong and could be helped. */
export type OnWarning = (message: string) => void;

/**
 * Loads the record of a machine, of any version. When config.json is not JSON, the copy beside it is used
 * and `onWarning` is told; a record that is JSON but wrong, or from the future, is refused.
 * Writes nothing: an older version is migrated in memory only.
 * @throws MachineError `name-invalid`, `machine-not-found`, `machine-incomplete` (a directory without
 *   config.json), `record-invalid`, `record-from-future`.
 */
export async function loadRecord(
  host: Host,
  storePath: string,
  name: string,
  onWarning?: OnWarning,
): Promise<MachineRecord> {
  const path = machineFile(storePath, name, 'config');
  let text: string;
  try {
    text = await readRecordText(host, path);
  } catch (error) {
    throw await explainUnreadable(host, { storePath, name, path }, error);
  }
  try {
    return await parseAnyVersion(text, { storePath, name, path });
  } catch (error) {
    if (!isSyntaxProblem(error)) {
      throw error;
    }
    const backup = await loadBackup(host, storePath, name);
    if (backup === undefined) {
      throw error;
    }
    onWarning?.(`${path} is damaged; its earlier copy ${machineFiles.configBackup} is used instead.`);
    return backup;
  }
}

/**
 * The version of a record as its file has it, before any migration.
 * @throws MachineError `name-invalid`, `record-invalid`, `record-from-future`; system errors of a file that cannot be read.
 */
export async function readRecordVersion(host: Host, storePath: string, name: string): Promise<number> {
  const path = machineFile(storePath, name, 'config');
  return versionOf(parseJsonObject(await readRecordText(host, path), path), path);
}

/**
 * Writes the record of a machine: whole or not at all, 0600. The version before it becomes config.json.bak.
 * Nothing is written when nothing changed. The caller holds the machine's lock.
 * @throws MachineError `store-write-failed` (the old record is then unchanged), `record-from-future` when a
 *   newer version has written the record in the meantime.
 */
export async function saveRecord(
  host: Host,
  storePath: string,
  name: string,
  record: MachineRecord,
): Promise<void> {
  const path = machineFile(storePath, name, 'config');
  const text = formatRecord({ ...record, Name: name });
  // Nothing is written that could not be read again.
  await parseAnyVersion(text, { storePath, name, path });
  const before = await readRecordText(host, path).catch(() => undefined);
  if (before === text) {
    return;
  }
  await sweepTemporaryFiles(host, machineDirectory(storePath, name));
  if (before !== undefined && isWorthKeeping(before, path)) {
    await host.files.writeAtomic(machineFile(storePath, name, 'configBackup'), before, 0o600);
  }
  await host.files.writeAtomic(path, text, 0o600);
}

/**
 * Names of all machines, in byte order: every directory in machines/ whose name has no leading dot, as
 * docker-machine sees it. Such a name need not be one that `machineDirectory` accepts.
 */
export async function listMachineDirectories(host: Host, storePath: string): Promise<string[]> {
  let entries;
  try {
    entries = await host.files.list(joinPath(storePath, storeDirectories.machines));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return [];
    }
    throw error;
  }
  return entries
    .filter(({ name, kind }) => kind === 'directory' && !name.startsWith('.'))
    .map(({ name }) => name)
    .sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
}

/**
 * Removes the directory of a machine with everything in it; nothing there is fine. Of a symlink only the
 * link is removed. The caller holds the machine's lock.
 * @throws MachineError `store-unsafe` when the directory is not really in machines/, `store-write-failed`.
 */
export async function removeMachineDirectory(host: Host, storePath: string, name: string): Promise<void> {
  const directory = machineDirectory(storePath, name);
  const removed = removedDirectory(storePath, name);
  // Left over when a removal was killed.
  await host.files.remove(removed);
  const found = await host.files.stat(directory);
  if (found === undefined) {
    return;
  }
  await requireContained(host, { storePath, name, directory }, found);
  // With one rename the machine is gone as a whole; a crash from here on leaves a hidden directory only.
  await host.files.rename(directory, removed);
  await host.files.remove(removed);
}

interface Place {
  readonly storePath: string;
  readonly name: string;
  readonly path: string;
}

async function readRecordText(host: Host, path: string): Promise<string> {
  const bytes = await host.files.readRange(path, 0, RECORD_MAX_BYTES + 1);
  if (bytes.length > RECORD_MAX_BYTES) {
    throw recordProblem('field', path, `it is larger than ${RECORD_MAX_BYTES} bytes`);
  }
  return new TextDecoder().decode(bytes);
}

async function parseAnyVersion(text: string, place: Place): Promise<MachineRecord> {
  const root = parseJsonObject(text, place.path);
  const isOld = versionOf(root, place.path) < CONFIG_VERSION;
  const current = isOld ? (await import('./migrations.ts')).migrateRecord(root, place) : root;
  return { ...readRecord(current, place.path), Name: place.name };
}

async function loadBackup(host: Host, storePath: string, name: string): Promise<MachineRecord | undefined> {
  const path = machineFile(storePath, name, 'configBackup');
  try {
    return await parseAnyVersion(await readRecordText(host, path), { storePath, name, path });
  } catch {
    // The damage to config.json itself is what the user should read about.
    return undefined;
  }
}

function isSyntaxProblem(error: unknown): boolean {
  return isMachineError(error) && error.code === 'record-invalid' && error.facts.reason === 'syntax';
}

/**
 * False for a damaged text, which must not replace a backup that is whole.
 * @throws MachineError `record-from-future`: such a record is never overwritten.
 */
function isWorthKeeping(text: string, path: string): boolean {
  try {
    versionOf(parseJsonObject(text, path), path);
    return true;
  } catch (error) {
    if (isMachineError(error) && error.code === 'record-from-future') {
      throw error;
    }
    return false;
  }
}

async function explainUnreadable(host: Host, place: Place, error: unknown): Promise<unknown> {
  const { storePath, name, path } = place;
  if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') {
    return isMachineError(error)
      ? error
      : recordProblem('field', path, 'it cannot be read', { cause: error });
  }
  if ((await host.files.stat(machineDirectory(storePath, name))) === undefined) {
    return new MachineError('machine-not-found', `Docker machine "${name}" does not exist.`, {
      facts: { name },
    });
  }
  return new MachineError('machine-incomplete', `The machine "${name}" has no ${machineFiles.config}.`, {
    cause: error,
    facts: { name, path },
  });
}

/** Compares whole paths with every symlink resolved: nothing outside machines/NAME is ever removed. */
async function requireContained(
  host: Host,
  place: { readonly storePath: string; readonly name: string; readonly directory: string },
  found: FileStat,
): Promise<void> {
  if (found.kind === 'symlink') {
    // It is renamed and removed as the link that it is.
    return;
  }
  const machines = await host.files.realPath(joinPath(place.storePath, storeDirectories.machines));
  const real = await host.files.realPath(place.directory);
  // A file system without regard to case may spell the name as it was made.
  if (real.toLowerCase() !== joinPath(machines, place.name).toLowerCase()) {
    throw new MachineError('store-unsafe', `${place.directory} is not in the store: it is ${real}.`, {
      remedies: ['Look at the directory and remove it by hand.'],
      facts: { path: place.directory, realPath: real },
    });
  }
}

/** Removes what killed writers left in a directory of whole files. Its writers' lock is held by the caller. */
export async function sweepTemporaryFiles(host: Host, directory: string): Promise<void> {
  const entries = await host.files.list(directory).catch(() => []);
  for (const { name } of entries) {
    const pid = Number(TEMPORARY.exec(name)?.[1] ?? 0);
    if (pid > 0 && pid !== host.facts.pid && (await host.processes.identify(pid)) === undefined) {
      await host.files.remove(joinPath(directory, name));
    }
  }
}
