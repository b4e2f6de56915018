import { isMachineError, MachineError, messageOf } from '../core/errors.ts';
import { loadDriver } from '../drivers/registry.ts';
import { absoluteImageName, pathsOf } from '../image/image-name.ts';
import { machineDirectory, requireNewName } from '../store/paths.ts';
import type { Sidecar } from '../store/sidecar.ts';
import { isoForCreate, requireImage } from './boot-material.ts';
import { requireChecks } from './checks.ts';
import { createSteps } from './create-steps.ts';
import { ensureStoreAuthority } from './credentials.ts';
import { engineArguments, engineEnvironment } from './engine-options.ts';
import { requireAuthorities } from './follow/trust.ts';
import { adoptStep, lastEvent, openJournal } from './journal.ts';
import { withMachineLock } from './locks.ts';
import { openMachine, type OpenMachine } from './open.ts';
import { runPlan, undoPlan, type PlanContext } from './plan.ts';
import { loadOwnData, newSidecar, ownDataOf, type OwnData } from './own-data.ts';
import { sharedFlagsOf, type CreateRequest } from './request.ts';
import { newMachineRecord, reserveMachine } from './reserve.ts';
import { removeLocked } from './remove.ts';
import type { Session } from './session.ts';
import { planShares } from './plan-shares.ts';
import { machinePaths } from './machine-paths.ts';

const lockTimeoutMs = 10_000;

/** One line of `create --plan`. */
export interface PlannedStep {
  readonly name: string;
  readonly summary: string;
  /** True when `rm` or a roll-back has something to undo outside the machine's directory. */
  readonly undoable: boolean;
}

/**
 * What a create would do, without doing any of it.
 * @throws MachineError for the same bad input as createMachine.
 */
export async function planCreate(session: Session, request: CreateRequest): Promise<PlannedStep[]> {
  const { machine, sidecar } = await draft(session, request);
  const steps = createSteps(session, machine, ownDataOf(sidecar));
  return [
    { name: 'reserve', summary: `Reserving the name in ${session.storePath}`, undoable: true },
    ...steps.map((step) => ({ name: step.name, summary: step.summary, undoable: step.undo !== undefined })),
  ];
}

/** Images that were baked go by their names here. */
async function resolved(session: Session, request: CreateRequest): Promise<CreateRequest> {
  const { manifest } = await loadDriver(request.driverName, session);
  return manifest.imageFlags === undefined
    ? request
    : (await import('./bake/resolve.ts')).withBakedImage(session, request);
}

/**
 * Makes a machine, from nothing to an engine that answers over mutual TLS.
 * @throws MachineError with exit code 3 when a check before anything is made fails; `machine-exists`;
 *   anything a step throws, with the commands that go on or clean up as remedies.
 */
export async function createMachine(session: Session, asked: CreateRequest): Promise<void> {
  const request = await resolved(session, asked);
  const { machine, sidecar } = await draft(session, request);
  await ensureStoreAuthority(session, request.tlsKeyType);
  session.emit({ type: 'note', message: 'Running pre-create checks...' });
  const { name, secrets = {} } = request;
  await requireChecks(session, machine.driver, machine.config, { name, secrets, state: sidecar.driver });
  await withMachineLock(session, request.name, { verb: 'create', timeoutMs: lockTimeoutMs }, async () => {
    session.signal.throwIfAborted();
    session.emit({ type: 'note', message: 'Creating machine...' });
    await reserveMachine(session, machine, { sidecar, secrets });
    await finishCreate(session, machine, request.onError);
  });
}

/**
 * Goes on with a create that did not come to its end.
 * @throws MachineError `machine-state` when there is nothing to go on with.
 */
export async function resumeCreate(
  session: Session,
  name: string,
  options: { readonly onError?: 'keep' | 'rollback' },
): Promise<void> {
  const machine = await openMachine(session, name);
  await withMachineLock(session, name, { verb: 'create --resume', timeoutMs: lockTimeoutMs }, async () => {
    const { phase } = await loadOwnData(session, name);
    if (phase !== 'creating') {
      throw new MachineError(
        'machine-state',
        `The machine "${name}" is complete; there is nothing to resume.`,
        {
          remedies: [`tsmachine start ${name}`],
        },
      );
    }
    await finishCreate(session, machine, options.onError);
  });
}

// The machine as it would be, nothing on the disk yet.
async function draft(
  session: Session,
  request: CreateRequest,
): Promise<{ readonly machine: OpenMachine; readonly sidecar: Sidecar }> {
  requireNewName(request.name);
  const driver = await loadDriver(request.driverName, session);
  const directory = machineDirectory(session.storePath, request.name);
  if ((await session.host.files.stat(directory)) !== undefined) {
    throw await existsError(session, request.name);
  }
  const place = {
    name: request.name,
    storePath: session.storePath,
    directory,
    sharedFlags: sharedFlagsOf(request),
    findIso: async () => isoForCreate(session, request.image),
  };
  const configured = await (driver.configureWith?.(request.flagValues, place) ??
    driver.configure(request.flagValues));
  const record = newMachineRecord(session, request, configured);
  engineArguments(record.HostOptions.EngineOptions, request.driverName);
  engineEnvironment(record.HostOptions.EngineOptions);
  const config = driver.readConfig(record.Driver);
  const extraAuthorities = request.extraAuthorities?.map((file) =>
    pathsOf(session.host).resolve(session.host.facts.currentDirectory, file),
  );
  await requireAuthorities(session, extraAuthorities ?? []);
  const image = request.image ?? configured.imageSource;
  const imageSource = image === undefined ? undefined : absoluteImageName(session.host, image);
  if (driver.manifest.capabilities.boots === 'image') {
    await requireImage(session, driver, imageSource);
  }
  return {
    machine: { name: request.name, directory, record, driver, config },
    sidecar: newSidecar(
      session,
      { ...request, ...(extraAuthorities === undefined ? {} : { extraAuthorities }) },
      {
        imageSource,
        state: configured.state ?? {},
        sharing: await planShares(session, driver, config, { asked: request.shares, way: request.shareWay }),
      },
    ),
  };
}

async function existsError(session: Session, name: string): Promise<MachineError> {
  const own = await loadOwnData(session, name).catch(() => undefined);
  if (own?.phase === 'creating') {
    return new MachineError('machine-incomplete', `Docker machine "${name}" already exists`, {
      why: 'it was begun and never finished',
      remedies: [`tsmachine create --resume ${name}`, `tsmachine rm ${name}`],
    });
  }
  return new MachineError('machine-exists', `Docker machine "${name}" already exists`);
}

/**
 * Does the steps that are not done yet; the caller holds the machine's lock.
 * @param onError undefined: kept after an error, rolled back after an interrupt. A machine that was adopted is always kept.
 */
export async function finishCreate(
  session: Session,
  machine: OpenMachine,
  onError: 'keep' | 'rollback' | undefined,
): Promise<void> {
  const journal = await openJournal(session.host, machinePaths(machine.directory).journal);
  const context: PlanContext = { session, machine: machine.name, journal };
  const own = await loadOwnData(session, machine.name);
  const steps = createSteps(session, machine, own);
  try {
    await runPlan(steps, context);
  } catch (error) {
    const interrupted = session.signal.aborted;
    const isAdopted = lastEvent(journal.entries, adoptStep) !== undefined;
    if (isAdopted || (onError ?? (interrupted ? 'rollback' : 'keep')) === 'keep') {
      throw withRecovery(error, machine.name);
    }
    await rollBack(machine, own, { ...context, session: uninterrupted(session) }, error);
    throw error;
  }
}

async function rollBack(
  machine: OpenMachine,
  own: OwnData,
  context: PlanContext,
  cause: unknown,
): Promise<void> {
  const { session } = context;
  session.emit({ type: 'note', message: 'Undoing what was made.', machine: machine.name });
  try {
    await undoPlan(createSteps(session, machine, own), context);
    await removeLocked(session, machine.name, { force: false });
  } catch (error) {
    throw withRecovery(
      new MachineError('machine-incomplete', `Not everything could be undone: ${messageOf(error)}`, {
        cause,
      }),
      machine.name,
    );
  }
}

// An interrupt has aborted the signal of the session; the roll-back must not be stopped by it.
function uninterrupted(session: Session): Session {
  return { ...session, signal: new AbortController().signal };
}

function withRecovery(error: unknown, name: string): MachineError {
  const recovery = [
    `go on: tsmachine create --resume ${name}`,
    `see why: tsmachine logs ${name}`,
    `clean up: tsmachine rm ${name}`,
  ];
  if (!isMachineError(error)) {
    return new MachineError('bug', messageOf(error), { cause: error, remedies: recovery });
  }
  return new MachineError(error.code, error.message, {
    ...(error.why === undefined ? {} : { why: error.why }),
    facts: error.facts,
    cause: error.cause,
    exitCode: error.exitCode,
    remedies: [...recovery, ...error.remedies.filter((remedy) => !remedy.includes('tsmachine logs'))],
  });
}
