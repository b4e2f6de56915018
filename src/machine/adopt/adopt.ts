import { isMachineError, MachineError } from '../../core/errors.ts';
import type { FlagValues } from '../../drivers/driver.ts';
import type { FoundMachine } from '../../drivers/owned.ts';
import { removeMachineDirectory } from '../../store/machine-files.ts';
import { finishCreate } from '../create.ts';
import { ensureStoreAuthority } from '../credentials.ts';
import type { Wanted } from '../garbage/places.ts';
import { adoptStep, lastEvent, readJournal } from '../journal.ts';
import { withMachineLock } from '../locks.ts';
import { machinePaths } from '../machine-paths.ts';
import { driverContext, openMachine, type OpenMachine } from '../open.ts';
import { loadOwnData, updateOwnData } from '../own-data.ts';
import { rememberPlace } from '../places.ts';
import { requireStoreId, takeStoreId } from '../provider-material.ts';
import type { EngineRequest } from '../request.ts';
import type { Session } from '../session.ts';
import { findCandidate } from './find.ts';
import { readUserKey, type UserKey } from './key.ts';
import { reachFirst } from './reach.ts';
import { takeMachine } from './take.ts';

const lockTimeoutMs = 30_000;

/** What the user asks for. */
export interface AdoptRequest {
  /** Name or id at the provider. */
  readonly what: string;
  /** Its name here; undefined for the one that it has there. */
  readonly newName?: string | undefined;
  readonly wanted: Wanted;
  /** Values of the driver's flags, for what the provider does not tell. */
  readonly flagValues: FlagValues;
  readonly engine: EngineRequest;
  readonly tlsSans: readonly string[];
  readonly tlsKeyType: 'ec' | 'rsa';
  /** File of the private SSH key; undefined for those of the user's agent. */
  readonly sshKeyPath?: string | undefined;
  /** A public line, or a fingerprint `SHA256:…`. */
  readonly sshHostKey?: string | undefined;
  /** UUID of the store that is gone, for one that has none yet. */
  readonly storeId?: string | undefined;
}

/** What became of it. */
export interface Adopted {
  readonly name: string;
  readonly driver: string;
  readonly id: string;
  /** False for a machine that was in the store before. */
  readonly isNew: boolean;
}

/**
 * Takes a machine back into the store of which the provider still knows, and the store does not. Killed at any moment, the
 * machine is as lost as before, or in the store with everything that `rm` needs; then the same call goes on.
 * @throws MachineError `machine-not-found`, `machine-exists`, `ssh-key-rejected` and what else keeps it from being reached:
 *   then it is as lost as before; what the provisioning of a host throws: then it is in the store, incomplete.
 */
export async function adoptMachine(session: Session, request: AdoptRequest): Promise<Adopted> {
  const storeId = await requireStoreId(session, request.storeId);
  const key =
    request.sshKeyPath === undefined ? undefined : await readUserKey(session.host, request.sshKeyPath);
  const candidate = await findCandidate(session, request.what, { wanted: request.wanted, storeId });
  const { knownAs, instance, lookout } = candidate;
  const outcome = { driver: lookout.place.driver, id: instance.id };
  if (knownAs !== undefined && !(await isHalfAdopted(session, knownAs))) {
    return { ...outcome, name: knownAs, isNew: false };
  }
  const name = knownAs ?? request.newName ?? instance.name;
  await takeStoreId(session, storeId);
  await ensureStoreAuthority(session, request.tlsKeyType);
  await withMachineLock(session, name, { verb: 'adopt', timeoutMs: lockTimeoutMs }, async () => {
    session.signal.throwIfAborted();
    const taken = await takeMachine(session, candidate, { name, request, key, storeId });
    await finish(session, taken.machine, { request, key, found: taken.found });
  });
  return { ...outcome, name, isNew: true };
}

async function isHalfAdopted(session: Session, name: string): Promise<boolean> {
  const { phase } = await loadOwnData(session, name);
  const { directory } = await openMachine(session, name);
  const entries = await readJournal(session.host, machinePaths(directory).journal);
  return phase === 'creating' && lastEvent(entries, adoptStep) !== undefined;
}

interface Finish {
  readonly request: AdoptRequest;
  readonly key: UserKey | undefined;
  readonly found: FoundMachine;
}

async function finish(
  session: Session,
  machine: OpenMachine,
  { request, key, found }: Finish,
): Promise<void> {
  await rememberPlace(session, machine);
  warnOfEnd(session, machine.name, (await loadOwnData(session, machine.name)).expiresMs);
  try {
    const { sshHostKey } = request;
    const fingerprint = sshHostKey?.startsWith('SHA256:') === true ? sshHostKey : undefined;
    if (sshHostKey !== undefined && fingerprint === undefined) {
      const { parsePublicLine, publicLine } = await import('../../ssh/keys.ts');
      const line = publicLine(parsePublicLine(sshHostKey).blob);
      await updateOwnData(session, machine.name, { sshHostKey: line });
    }
    const { power } = await machine.driver.inspect(driverContext(session, machine));
    const isBooting = power !== 'running';
    if (isBooting) {
      session.emit({ type: 'note', machine: machine.name, message: 'Starting the machine...' });
    }
    await machine.driver.start(driverContext(session, machine));
    await reachFirst(session, machine, { isBooting, fingerprint });
  } catch (error) {
    await release(session, machine);
    throw explain(error, machine.name, { key, found, request });
  }
  await finishCreate(session, machine, 'keep');
}

/** Nothing has changed on the machine yet: it is as lost as before. One that was reached earlier stays. */
async function release(session: Session, { name, directory }: OpenMachine): Promise<void> {
  const entries = await readJournal(session.host, machinePaths(directory).journal);
  if (lastEvent(entries, 'start') === undefined) {
    await removeMachineDirectory(session.host, session.storePath, name);
  }
}

function warnOfEnd({ host, emit }: Session, name: string, expiresMs: number | undefined): void {
  if (expiresMs !== undefined && expiresMs <= host.clock.nowMs()) {
    const at = new Date(expiresMs).toISOString();
    const message = `The time of "${name}" was over at ${at}: gc removes it, and it may power itself off. Give it more: tsmachine ttl ${name} 4h`;
    emit({ type: 'warn', machine: name, message });
  }
}

function explain(error: unknown, name: string, { key, found }: Finish): unknown {
  if (!isMachineError(error)) {
    return error;
  }
  const isKey = error.code === 'ssh-key-rejected';
  const said = isKey
    ? key === undefined
      ? 'It has no SSH key that works: that of the machine was lost with its folder.'
      : 'The SSH key of --ssh-key does not work.'
    : undefined;
  return new MachineError(error.code, `The machine "${name}" was not adopted: ${error.message}`, {
    why: [said, error.why, 'Nothing was changed on it.'].filter((each) => each !== undefined).join(' '),
    facts: error.facts,
    cause: error,
    exitCode: error.exitCode,
    remedies: isKey
      ? [
          `tsmachine adopt ${name} --ssh-key FILE`,
          `No key is left? ${found.otherWay}`,
          'Is it not wanted any more? tsmachine gc',
        ]
      : [...error.remedies],
  });
}
