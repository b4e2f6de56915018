import { MachineError, systemCode } from '../core/errors.ts';
import type { Configured } from '../drivers/driver.ts';
import { listMachineDirectories } from '../store/machine-files.ts';
import { draftDirectory, findCaseTwin, joinPath, storeDirectories } from '../store/paths.ts';
import { newRecord } from '../store/new-record.ts';
import { formatRecord, type MachineRecord, type SwarmOptions } from '../store/record.ts';
import { formatSidecar, type Sidecar } from '../store/sidecar.ts';
import { openJournal, type Journal } from './journal.ts';
import type { CreateRequest, SwarmRequest } from './request.ts';
import type { OpenMachine } from './open.ts';
import { writeSecrets } from './secrets.ts';
import type { Session } from './session.ts';
import { machinePaths, type MachinePaths } from './machine-paths.ts';

/** The record of a machine that does not exist yet. */
export function newMachineRecord(
  session: Session,
  request: CreateRequest,
  configured: Configured,
): MachineRecord {
  const { engine, swarm } = request;
  return newRecord({
    storePath: session.storePath,
    name: request.name,
    driverName: request.driverName,
    driver: configured.config,
    ...configured.common,
    ...(configured.common?.sshUser === undefined ? { sshKeyPath: '' } : {}),
    engine: {
      ArbitraryFlags: [...engine.options],
      Env: [...engine.env],
      InsecureRegistry: [...engine.insecureRegistries],
      Labels: [...engine.labels],
      RegistryMirror: [...engine.registryMirrors],
      StorageDriver: engine.storageDriver,
      InstallURL: engine.installUrl,
    },
    ...(swarm === undefined ? {} : { swarm: swarmOptions(swarm) }),
    serverCertSans: [...request.tlsSans],
  });
}

function swarmOptions(swarm: SwarmRequest): Partial<SwarmOptions> {
  return {
    IsSwarm: swarm.swarm || swarm.master,
    Agent: swarm.swarm,
    Master: swarm.master,
    Image: swarm.image,
    Discovery: swarm.discovery,
    Strategy: swarm.strategy,
    ArbitraryFlags: [...swarm.options],
    ArbitraryJoinFlags: [...swarm.joinOptions],
    Host: swarm.host,
    Address: swarm.address,
    IsExperimental: swarm.experimental,
  };
}

/**
 * Takes the name: a directory with record, sidecar and journal appears under it in one rename, so that there
 * is never a machine without a record. Secrets lie beside it. The caller holds the machine's lock.
 * @throws MachineError `machine-exists`.
 */
export async function reserveMachine(
  session: Session,
  machine: OpenMachine,
  {
    sidecar,
    secrets = {},
    fill,
  }: {
    readonly sidecar: Sidecar;
    readonly secrets?: Readonly<Record<string, string>>;
    /** Puts in what else the machine has from the beginning. */
    readonly fill?: (draft: MachinePaths, journal: Journal) => Promise<void>;
  },
): Promise<void> {
  const { host, storePath } = session;
  for (const directory of Object.values(storeDirectories)) {
    await host.files.makeDirectory(joinPath(storePath, directory), 0o700);
  }
  // Hidden, so that no list shows it. What an earlier process left of it is in nobody's use: we hold the lock.
  const draft = draftDirectory(storePath, machine.name);
  await host.files.remove(draft);
  await host.files.makeDirectory(draft, 0o700);
  const files = machinePaths(draft);
  await host.files.writeAtomic(files.config, formatRecord(machine.record), 0o600);
  await host.files.writeAtomic(files.sidecar, formatSidecar(sidecar), 0o600);
  await writeSecrets(host, draft, secrets);
  const journal = await openJournal(host, files.journal);
  await journal.append({ step: 'reserve', event: 'done', facts: { driver: machine.record.DriverName } });
  await fill?.(files, journal);
  const names = await listMachineDirectories(host, storePath);
  const twin = names.includes(machine.name) ? machine.name : findCaseTwin(names, machine.name);
  if (twin !== undefined) {
    await host.files.remove(draft);
    throw existsError(twin);
  }
  try {
    await host.files.rename(draft, machine.directory);
  } catch (error) {
    await host.files.remove(draft);
    const code = systemCode(error instanceof Error ? error.cause : error);
    throw code === 'ENOTEMPTY' || code === 'EEXIST' ? existsError(machine.name) : error;
  }
}

function existsError(name: string): MachineError {
  return new MachineError('machine-exists', `Docker machine "${name}" already exists`);
}
