import { MachineError } from '../../core/errors.ts';
import { contextName, writeContext } from '../../engine/contexts.ts';
import { engineVersion } from '../../engine/client.ts';
import { connectionOf, tlsMaterial } from '../connection.ts';
import { withBuildersLock } from '../locks.ts';
import type { Session } from '../session.ts';
import { openBuildx, type Buildx } from './buildx.ts';
import { assignPlatforms } from './platforms.ts';
import { readBuilder, requireBuilderName, writeBuilder, type BuilderRecord } from './record.ts';

/** What a builder is to be. */
export interface BuilderRequest {
  readonly name: string;
  readonly machines: readonly string[];
  /** Those of them that were made for it. */
  readonly made: readonly string[];
  /** Empty for what the machines are. */
  readonly platforms: readonly string[];
  /** `--driver-opt` of `docker buildx create`. */
  readonly driverOptions: readonly string[];
  readonly isSelected: boolean;
  readonly isBootstrapped: boolean;
}

const checkTimeoutMs = 20_000;

/**
 * Takes the name of a builder and writes down which machines will be made for it, before they are.
 * @throws MachineError `name-invalid`, `machine-exists`, `program-missing`.
 */
export async function reserveBuilder(
  session: Session,
  { name, made }: Pick<BuilderRequest, 'name' | 'made'>,
): Promise<void> {
  requireBuilderName(name);
  const buildx = await openBuildx(session.host, session.signal);
  await withBuildersLock(session, async () => {
    if ((await readBuilder(session, name)) !== undefined || (await buildx.exists(name))) {
      throw new MachineError('machine-exists', `There is already a builder with the name "${name}".`, {
        remedies: [`tsmachine builder rm ${name}`, `docker buildx rm ${name}`, 'Take another name.'],
      });
    }
    await writeBuilder(session, { name, nodes: [], made });
  });
}

/**
 * Makes a builder of machines that run. Its name must have been reserved.
 * @returns its record.
 * @throws MachineError `machine-not-running` …, `arguments-invalid` for a platform that no machine runs, `program-failed`.
 */
export async function createBuilder(session: Session, request: BuilderRequest): Promise<BuilderRecord> {
  const { name, made, platforms } = request;
  const machines = [];
  for (const machine of request.machines) {
    machines.push(await describe(session, machine));
  }
  const nodes = assignPlatforms(machines, platforms).filter((node) => node.platforms.length > 0);
  const record: BuilderRecord = { name, nodes, made };
  await writeBuilder(session, record);
  const buildx = await openBuildx(session.host, session.signal);
  for (const [index, { machine, platforms: ofNode }] of nodes.entries()) {
    await buildx.addNode({
      builder: name,
      node: `${name}-${machine}`,
      context: contextName(machine),
      platforms: ofNode,
      driverOptions: request.driverOptions,
      isAppended: index > 0,
    });
  }
  await finish(buildx, request);
  return record;
}

async function finish(
  buildx: Buildx,
  { name, isSelected, isBootstrapped }: Pick<BuilderRequest, 'name' | 'isSelected' | 'isBootstrapped'>,
): Promise<void> {
  if (isSelected) {
    await buildx.select(name);
  }
  if (isBootstrapped) {
    await buildx.bootstrap(name);
  }
}

/** The architecture of a machine, which has a Docker context afterwards. */
async function describe(
  session: Session,
  machine: string,
): Promise<{ readonly machine: string; readonly architecture: string }> {
  const connection = await connectionOf(session, machine, {
    check: true,
    timeoutMs: checkTimeoutMs,
    renew: 'needed',
  });
  const material = await tlsMaterial(session, connection.certDirectory);
  await writeContext(session.host, { machine, url: connection.url, material });
  const options = { timeoutMs: checkTimeoutMs, signal: session.signal };
  const { architecture } = await engineVersion(session.host, connection.url, material, options);
  return { machine, architecture };
}
