import type { ResumeMaterial } from '../drivers/driver.ts';
import { driverCache } from './driver-cache.ts';
import { followedEngine } from './follow/engine.ts';
import { liveEngineConfig, type LiveEngineConfig } from './engine-options.ts';
import type { OpenMachine } from './open.ts';
import type { OwnData } from './own-data.ts';
import type { Session } from './session.ts';

/**
 * What a driver needs to resume this machine instead of booting it; undefined for every machine but one that is being
 * created and whose options a running guest can take over.
 */
export async function resumeMaterial(
  session: Session,
  machine: OpenMachine,
  own: OwnData,
): Promise<ResumeMaterial | undefined> {
  if (own.phase !== 'creating' || own.cold || !machine.driver.manifest.capabilities.resume) {
    return undefined;
  }
  const { DriverName } = machine.record;
  const wanted = await liveConfig(session, machine, own);
  const usual = liveEngineConfig(null, DriverName);
  if ('obstacle' in wanted || 'obstacle' in usual) {
    return undefined;
  }
  return {
    cache: driverCache(session, machine.driver.manifest.name),
    engineConfig: wanted.config,
    defaultEngineConfig: usual.config,
  };
}

/** Why a machine that is being created has to be booted although its driver could resume it; for the user. */
export async function bootReason(
  session: Session,
  machine: OpenMachine,
  own: OwnData,
): Promise<string | undefined> {
  if (own.cold || !machine.driver.manifest.capabilities.resume) {
    return undefined;
  }
  const live = await liveConfig(session, machine, own);
  return 'obstacle' in live ? live.obstacle : undefined;
}

async function liveConfig(session: Session, machine: OpenMachine, own: OwnData): Promise<LiveEngineConfig> {
  const { options, proxies } = await followedEngine(session, machine, own);
  return proxies.env.length > 0
    ? { obstacle: 'a running engine does not take over the proxies of this computer' }
    : liveEngineConfig(options, machine.record.DriverName);
}
