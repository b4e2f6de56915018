import { isMachineError, MachineError, messageOf } from '../core/errors.ts';
import { driverNames, loadDriver } from '../drivers/registry.ts';
import { removeMachineDirectory } from '../store/machine-files.ts';
import { sweepLeftovers } from '../store/leftovers.ts';
import { joinPath, machineDirectory, removedDirectory, tombstonesDirectory } from '../store/paths.ts';
import { forgetAutostart } from './autostart.ts';
import { bakeStep, lastEvent, openJournal, readJournal } from './journal.ts';
import { withMachineLock } from './locks.ts';
import { driverContext, openMachine, type OpenMachine } from './open.ts';
import { updateOwnData } from './own-data.ts';
import type { Session } from './session.ts';
import { machinePaths } from './machine-paths.ts';

const lockTimeoutMs = 30_000;

/** What came of a removal that was forced; without force there is only success and an error. */
export interface Removal {
  /** False when there was nothing to remove. */
  readonly removed: boolean;
  /** What would have kept the machine from being removed without force. */
  readonly failure?: unknown;
}

/**
 * Removes a machine: first at its hypervisor or provider, then here. `force` removes it here whatever happens
 * there, and leaves a note of what may remain.
 * @throws MachineError `machine-not-found` (not with `force`), and whatever keeps the driver from removing it.
 */
export async function removeMachine(
  session: Session,
  name: string,
  options: { readonly force: boolean },
): Promise<Removal> {
  const { host, storePath } = session;
  if ((await host.files.stat(machineDirectory(storePath, name))) === undefined) {
    if ((await host.files.stat(removedDirectory(storePath, name))) !== undefined) {
      // An earlier rm was killed while it deleted the files: everything else was done by then.
      await sweepLeftovers(host, storePath);
      return { removed: true };
    }
    const missing = new MachineError('machine-not-found', `Docker machine "${name}" does not exist.`);
    if (options.force) {
      return { removed: false, failure: missing };
    }
    throw missing;
  }
  return withMachineLock(session, name, { verb: 'rm', timeoutMs: lockTimeoutMs }, () =>
    removeLocked(session, name, options),
  );
}

/** The same for a caller that holds the machine's lock. */
export async function removeLocked(
  session: Session,
  name: string,
  { force }: { readonly force: boolean },
): Promise<Removal> {
  const { host, storePath } = session;
  const directory = machineDirectory(storePath, name);
  let failure: unknown;
  try {
    await removeAtDriver(session, name, directory);
  } catch (error) {
    if (!force) {
      throw error;
    }
    failure = error;
    await writeTombstone(session, name, directory, error);
  }
  const { forgetContext } = await import('../engine/contexts.ts');
  await forgetContext(host, name);
  await forgetAutostart(session, name);
  await removeMachineDirectory(host, storePath, name);
  return { removed: true, ...(failure === undefined ? {} : { failure }) };
}

async function removeAtDriver(session: Session, name: string, directory: string): Promise<void> {
  let machine: OpenMachine;
  try {
    machine = await openMachine(session, name);
  } catch (error) {
    if (isMachineError(error) && error.code === 'machine-incomplete') {
      // A folder without a record. What tsmachine makes for one is in its journal.
      await stopByFiles(session, name, directory);
      await requireNothingOutside(session, name, directory);
      return;
    }
    await stopByFiles(session, name, directory);
    throw error;
  }
  const journal = await openJournal(session.host, machinePaths(directory).journal);
  await journal.append({ step: 'remove', event: 'begin' });
  await updateOwnData(session, name, { phase: 'removing' });
  await machine.driver.remove(driverContext(session, machine));
  // Only now: as long as the machine is there, a request that makes an image of it may still be carried out.
  if (journal.entries.some(({ step }) => step === bakeStep)) {
    const { removeHalfMade } = await import('./bake/half-made.ts');
    await removeHalfMade(session, machine);
  }
  await journal.append({ step: 'remove', event: 'done' });
}

/** @throws MachineError `machine-incomplete` when the journal names something that may still be at a provider. */
async function requireNothingOutside(session: Session, name: string, directory: string): Promise<void> {
  const entries = await readJournal(session.host, machinePaths(directory).journal);
  const left = entries.filter(
    ({ step, event, facts }) =>
      event === 'begin' && facts !== undefined && lastEvent(entries, step) !== 'undone',
  );
  if (left.length > 0) {
    throw new MachineError('machine-incomplete', `The machine "${name}" has no config.json.`, {
      why: `Its journal names what may still be there: ${left.map(({ facts }) => JSON.stringify(facts)).join(', ')}.`,
      remedies: [`Remove that at the provider, then run: tsmachine rm -f ${name}`],
    });
  }
}

// Without a readable record nobody knows the driver, but a local driver recognises its process by the files
// in the machine's directory. No process outlives its files.
async function stopByFiles(session: Session, name: string, directory: string): Promise<void> {
  for (const driverName of driverNames) {
    const driver = await loadDriver(driverName, session);
    if (driver.manifest.capabilities.boots === 'image') {
      await driver.remove({
        host: session.host,
        name,
        directory,
        config: driver.readConfig({}),
        signal: session.signal,
        emit: session.emit,
        save: async () => undefined,
      });
    }
  }
}

/** For `gc`. A machine that cannot be read, or was made by an older version, may be in a place that nobody knows. */
async function rememberWhere(session: Session, name: string): Promise<void> {
  try {
    const machine = await openMachine(session, name);
    if (machine.driver.place !== undefined) {
      const { rememberPlace } = await import('./places.ts');
      await rememberPlace(session, machine);
    }
  } catch {
    // The tombstone has the record, as far as there is one.
  }
}

async function writeTombstone(
  session: Session,
  name: string,
  directory: string,
  error: unknown,
): Promise<void> {
  const { host, storePath } = session;
  const record = await host.files.readText(machinePaths(directory).config).catch(() => undefined);
  await rememberWhere(session, name);
  const tombstones = tombstonesDirectory(storePath);
  await host.files.makeDirectory(tombstones, 0o700);
  const file = joinPath(tombstones, `${name}-${host.clock.nowMs()}.json`);
  const text = JSON.stringify(
    { name, removedAt: new Date(host.clock.nowMs()).toISOString(), error: messageOf(error), record },
    undefined,
    2,
  );
  await host.files.writeAtomic(file, `${text}\n`, 0o600);
  session.emit({
    type: 'warn',
    machine: name,
    message: `The machine "${name}" was removed here, but not at its driver (${messageOf(error)}). What may remain is noted in ${file}.`,
  });
}
