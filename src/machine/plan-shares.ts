import type { Driver } from '../drivers/driver.ts';
import type { Session } from './session.ts';
import { chooseShares, type SharePlan, type ShareRequest } from './shares.ts';

/**
 * The directories that a machine of this driver is to see, in a way that works on this computer.
 * @throws MachineError `flag-invalid`.
 */
export async function planShares(
  { host, signal, emit }: Session,
  driver: Driver,
  config: unknown,
  request: ShareRequest,
): Promise<SharePlan> {
  const { shares = [] } = driver.manifest.capabilities;
  const ways = (await driver.shareWays?.({ host, config, signal, emit })) ?? shares;
  return chooseShares(host, driver.manifest, ways, request);
}
