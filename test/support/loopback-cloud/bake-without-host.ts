import { loadDriver } from '../../../src/drivers/registry.ts';
import type { FlagValues } from '../../../src/drivers/driver.ts';
import { createHost } from '../../../src/host/real.ts';
import { bakeImage, temporaryName, type BakeParts } from '../../../src/machine/bake/bake.ts';
import { withBakedImage } from '../../../src/machine/bake/resolve.ts';
import { createSteps } from '../../../src/machine/create-steps.ts';
import { openJournal } from '../../../src/machine/journal.ts';
import { withMachineLock } from '../../../src/machine/locks.ts';
import { machinePaths } from '../../../src/machine/machine-paths.ts';
import { newSidecar, ownDataOf } from '../../../src/machine/own-data.ts';
import { runPlan } from '../../../src/machine/plan.ts';
import type { CreateRequest } from '../../../src/machine/request.ts';
import { newMachineRecord, reserveMachine } from '../../../src/machine/reserve.ts';
import { createSession, type Session } from '../../../src/machine/session.ts';
import { machineDirectory } from '../../../src/store/paths.ts';

// Baking with everything real but the host: the machine is made at the cloud as ever, and nobody logs in on it.

/** What is said to be on the host. */
export const inside = { system: 'Ubuntu 24.04.2 LTS', engineVersion: '28.0.4' };

/** A session on a store, with the real world. */
export function openRealSession(
  storePath: string,
  {
    env,
    signal = new AbortController().signal,
  }: { readonly env: Record<string, string>; readonly signal?: AbortSignal },
): Session {
  const host = createHost();
  return createSession({
    host: { ...host, facts: { ...host.facts, env: { ...host.facts.env, ...env } } },
    storePath,
    signal,
    emit: () => undefined,
  });
}

/** Asks for a machine. */
export function requestFor(name: string, driverName: string, flagValues: FlagValues): CreateRequest {
  const engine = {
    ...{ options: [], insecureRegistries: [], registryMirrors: [], labels: [], env: [] },
    ...{ storageDriver: '', installUrl: 'https://get.docker.com' },
  };
  return { name, driverName, flagValues, engine, tlsSans: [], tlsKeyType: 'ec' };
}

/** A create up to the moment in which the host is asked for. */
export async function createWithoutHost(session: Session, asked: CreateRequest): Promise<void> {
  const request = await withBakedImage(session, asked);
  const driver = await loadDriver(request.driverName, session);
  const configured = driver.configure(request.flagValues);
  const record = newMachineRecord(session, request, configured);
  const directory = machineDirectory(session.storePath, request.name);
  const machine = { name: request.name, directory, record, driver, config: driver.readConfig(record.Driver) };
  const sharing = { shares: [], way: undefined };
  const sidecar = newSidecar(session, request, { sharing, state: configured.state ?? {} });
  await withMachineLock(session, request.name, { verb: 'create', timeoutMs: 10_000 }, async () => {
    await reserveMachine(session, machine, {
      sidecar,
      ...(request.secrets === undefined ? {} : { secrets: request.secrets }),
    });
    const steps = createSteps(session, machine, ownDataOf(sidecar));
    const start = steps.findIndex(({ name }) => name === 'start');
    const journal = await openJournal(session.host, machinePaths(directory).journal);
    const chosen = [...steps.slice(0, start + 1), ...steps.slice(-1)];
    await runPlan(chosen, { session, machine: request.name, journal });
  });
}

/** Bakes so. */
export async function bakeWithoutHost(
  session: Session,
  {
    imageName,
    driverName,
    values,
    clean = async () => inside,
  }: {
    readonly imageName: string;
    readonly driverName: string;
    readonly values: FlagValues;
    readonly clean?: BakeParts['clean'];
  },
): Promise<void> {
  const machine = requestFor(temporaryName(imageName), driverName, values);
  await bakeImage(session, { imageName, machine }, { create: createWithoutHost, clean });
}
