import { MachineError } from '../../core/errors.ts';
import type { FoundMachine } from '../../drivers/owned.ts';
import { machineDirectory, requireNewName } from '../../store/paths.ts';
import type { Sidecar } from '../../store/sidecar.ts';
import { knownMachines } from '../garbage/known.ts';
import { adoptStep } from '../journal.ts';
import { withOwnedLock } from '../locks.ts';
import { machinePaths } from '../machine-paths.ts';
import { driverContext, openMachine, type OpenMachine } from '../open.ts';
import { newMachineRecord, reserveMachine } from '../reserve.ts';
import type { Session } from '../session.ts';
import type { AdoptRequest } from './adopt.ts';
import type { Candidate } from './find.ts';
import type { UserKey } from './key.ts';

/** Making the record of a machine that was found: all of it appears at once. */

/** What is taken, and how. */
interface Taking {
  readonly name: string;
  readonly request: AdoptRequest;
  readonly key: UserKey | undefined;
  readonly storeId: string;
}

/** A machine of the store again. */
interface Taken {
  readonly machine: OpenMachine;
  readonly found: FoundMachine;
}

/**
 * Takes the machine into the store, or goes on with one of which an earlier attempt has made the record. While it does so,
 * `gc` does not remove it. The caller holds the machine's lock.
 * @throws MachineError `machine-exists`, `machine-not-found`, `name-invalid`, `flag-invalid`.
 */
export async function takeMachine(
  session: Session,
  { lookout, instance }: Candidate,
  taking: Taking,
): Promise<Taken> {
  const { name, key, storeId, request } = taking;
  requireNewName(name);
  return withOwnedLock(session, instance.machineId, `adopt ${name}`, async () => {
    const known = (await knownMachines(session)).find(({ machineId }) => machineId === instance.machineId);
    if (known !== undefined && known.name !== name) {
      throw new MachineError('machine-exists', `It is in the store by now, as "${known.name}".`);
    }
    // Only now: it may have been removed while we waited.
    const found = await lookout.driver.adoptOwned?.(lookout.context, instance, storeId);
    if (found === undefined) {
      throw new MachineError('machine-not-found', `${instance.id} is not there any more.`);
    }
    if (known !== undefined) {
      if (key !== undefined) {
        await writeKey(session, machineDirectory(session.storePath, name), key);
      }
      return { found, machine: await openMachine(session, name) };
    }
    if (found.hasFixedName === true && name !== instance.name) {
      throw new MachineError('flag-invalid', `The machine keeps its name "${instance.name}".`, {
        why: `The driver ${lookout.place.driver} finds it by the name that it has there.`,
        remedies: ['Leave --as out.'],
      });
    }
    const machine = draft(session, { lookout, instance }, { ...taking, found });
    await reserveMachine(session, machine, {
      sidecar: sidecarOf(session, { lookout, instance }, { found, request }),
      secrets: lookout.context.secrets ?? {},
      fill: async (draftFiles, journal) => {
        if (key !== undefined) {
          await writeKeyFiles(session, draftFiles, key);
        }
        await journal.append({ step: adoptStep, event: 'done', facts: { instance: instance.id } });
        // They were done when it was made, by a store that knew it.
        for (const { name: step } of machine.driver.steps(driverContext(session, machine))) {
          await journal.append({ step, event: 'adopted' });
        }
      },
    });
    return { found, machine };
  });
}

function draft(
  session: Session,
  { lookout: { driver, place } }: Pick<Candidate, 'lookout' | 'instance'>,
  { name, request, key, found }: Taking & { readonly found: FoundMachine },
): OpenMachine {
  // What leads to the place counts more than what is the default of a flag.
  const configured = driver.configure({ ...request.flagValues, ...place.flags });
  const { common = {}, config } = configured;
  const base = newMachineRecord(
    session,
    { ...request, name, driverName: place.driver },
    {
      config: { ...config, ...found.config },
      common: { ...common, ...(found.sshUser === undefined ? {} : { sshUser: found.sshUser }) },
    },
  );
  // Without a key of its own the user's agent is asked.
  const record = key === undefined ? { ...base, Driver: { ...base.Driver, SSHKeyPath: '' } } : base;
  const directory = machineDirectory(session.storePath, name);
  return { name, directory, record, driver, config: driver.readConfig(record.Driver) };
}

function sidecarOf(
  { host }: Session,
  { lookout: { driver, place }, instance }: Pick<Candidate, 'lookout' | 'instance'>,
  { found, request }: { readonly found: FoundMachine; readonly request: AdoptRequest },
): Sidecar {
  const { state = {} } = driver.configure({ ...request.flagValues, ...place.flags });
  const hostKey = found.hostKeys?.find((line) => line.startsWith('ssh-ed25519 ')) ?? found.hostKeys?.[0];
  const time = (ms: number): string => new Date(ms).toISOString();
  return {
    schema: 1,
    phase: 'creating',
    created: time(instance.createdMs ?? host.clock.nowMs()),
    machineId: instance.machineId,
    ...(instance.expiresMs === undefined ? {} : { expires: time(instance.expiresMs) }),
    ...(hostKey === undefined ? {} : { sshHostKey: hostKey }),
    driver: { ...state, ...found.state },
    options: { tlsKeyType: request.tlsKeyType },
  };
}

async function writeKey(session: Session, directory: string, key: UserKey): Promise<void> {
  await writeKeyFiles(session, machinePaths(directory), key);
}

/** The public half last: where it is, the private one is. */
async function writeKeyFiles(
  { host }: Session,
  files: { readonly sshKey: string; readonly sshPublicKey: string },
  { privatePem, publicLine }: UserKey,
): Promise<void> {
  await host.files.writeAtomic(files.sshKey, privatePem, 0o600);
  await host.files.writeAtomic(files.sshPublicKey, `${publicLine}\n`, 0o600);
}
