import { isMachineError, MachineError } from '../core/errors.ts';
import type { BootMaterial, Driver, DriverContext, ProviderMaterial } from '../drivers/driver.ts';
import { loadDriver } from '../drivers/registry.ts';
import { loadRecord, saveRecord } from '../store/machine-files.ts';
import { machineDirectory, ratesDirectory } from '../store/paths.ts';
import type { MachineRecord } from '../store/record.ts';
import type { Session } from './session.ts';

/** A machine of the store with its driver, ready to be asked. */
export interface OpenMachine {
  readonly name: string;
  readonly directory: string;
  /** Changes when the driver saves something. */
  record: MachineRecord;
  readonly driver: Driver;
  /** The driver's own part of the record, checked by the driver. */
  config: unknown;
}

/**
 * Reads a machine's record and loads its driver. Light: the read-only verbs go through here.
 * @throws MachineError `name-invalid`, `machine-not-found`, `record-invalid`, `record-from-future`, `driver-unknown`.
 */
export async function openMachine(session: Session, name: string): Promise<OpenMachine> {
  return openRecord(session, name, await readMachine(session, name));
}

/** The record of a machine, without its driver. Throws like `openMachine`. */
export async function readMachine(session: Session, name: string): Promise<MachineRecord> {
  return loadRecord(session.host, session.storePath, name, (message) => {
    session.emit({ type: 'warn', message, machine: name });
  });
}

/** A machine whose record was read already. @throws MachineError `record-invalid`, `driver-unknown`. */
export async function openRecord(
  session: Session,
  name: string,
  record: MachineRecord,
): Promise<OpenMachine> {
  const directory = machineDirectory(session.storePath, name);
  const driver = await driverOf(session, record.DriverName);
  return { name, directory, record, driver, config: driver.readConfig(record.Driver) };
}

/** A record of a driver that is not there is no mistake in the command line. */
async function driverOf(session: Session, name: string): Promise<Driver> {
  try {
    return await loadDriver(name, session);
  } catch (error) {
    if (!isMachineError(error) || error.code !== 'driver-unknown') {
      throw error;
    }
    throw new MachineError(error.code, error.message, {
      why: `The machine was made with a driver "${name}", which is not on this computer.`,
      remedies: [
        `Install docker-machine-driver-${name}, or forget the machine with "tsmachine rm -f NAME": what it is at its provider then remains there.`,
      ],
      facts: error.facts,
      cause: error,
      exitCode: 1,
    });
  }
}

/** What a driver's methods are given for this machine. */
export function driverContext(
  session: Session,
  machine: OpenMachine,
  boot?: BootMaterial,
): DriverContext<unknown> {
  return {
    host: session.host,
    name: machine.name,
    directory: machine.directory,
    config: machine.config,
    signal: session.signal,
    emit: session.emit,
    ...(boot === undefined ? {} : { boot }),
    save: async (part) => {
      await saveDriverPart(session, machine, part);
    },
    exclusively: async (name, action) => {
      const { driverCache } = await import('./driver-cache.ts');
      return driverCache(session, machine.driver.manifest.name).exclusively(name, action);
    },
    ...(machine.driver.manifest.capabilities.provider === true
      ? { provider: lateProvider(session, machine), ratesDirectory: ratesDirectory(session.storePath) }
      : {}),
    ...(machine.driver.manifest.capabilities.boots === 'host'
      ? {
          runRemote: async (commandLine, options) => {
            const { runOnMachine } = await import('./run-on-machine.ts');
            return runOnMachine(session, machine, commandLine, options);
          },
        }
      : {}),
  };
}

function lateProvider(session: Session, machine: OpenMachine): ProviderMaterial {
  const load = async (): Promise<ProviderMaterial> =>
    (await import('./provider-material.ts')).providerMaterial(session, machine);
  return {
    ownership: async () => (await load()).ownership(),
    userKey: async () => (await load()).userKey(),
    hostKey: async () => (await load()).hostKey(),
    pinHostKey: async () => (await load()).pinHostKey(),
    engineScript: async () => (await load()).engineScript(),
    awaitEngine: async () => (await load()).awaitEngine(),
    secrets: async () => (await load()).secrets(),
    state: async () => (await load()).state(),
    saveState: async (part) => (await load()).saveState(part),
  };
}

/** Writes keys of the driver's part of a record; the caller holds the machine's lock. */
export async function saveDriverPart(
  session: Session,
  machine: OpenMachine,
  part: Readonly<Record<string, unknown>>,
): Promise<void> {
  const record = { ...machine.record, Driver: { ...machine.record.Driver, ...part } };
  await saveRecord(session.host, session.storePath, machine.name, record);
  machine.record = record;
  machine.config = machine.driver.readConfig(record.Driver);
}

/**
 * Stops with a clear error where the driver cannot do what is asked.
 * @throws MachineError `capability-missing`.
 */
export function requireCapability(machine: OpenMachine, capability: 'power' | 'ssh', what: string): void {
  if (!machine.driver.manifest.capabilities[capability]) {
    throw new MachineError('capability-missing', `The machine "${machine.name}" cannot be ${what}.`, {
      why: `machines of the driver "${machine.driver.manifest.name}" have no host that tsmachine controls`,
    });
  }
}
