import type { DriverStatus } from '../drivers/driver.ts';
import { saveDriverPart, type OpenMachine } from './open.ts';
import type { Session } from './session.ts';

/**
 * Puts address and ports into config.json, where docker-machine and the tools around it look for them.
 * tsmachine itself asks the driver: what stands here is what was true at the last start.
 */
export async function recordAddresses(
  session: Session,
  machine: OpenMachine,
  status: DriverStatus,
): Promise<void> {
  const driver = machine.record.Driver;
  const engineUrl = status.engineUrl === undefined ? undefined : new URL(status.engineUrl);
  const updated = {
    ...driver,
    ...(status.address === undefined ? {} : { IPAddress: status.address }),
    ...(status.ssh === undefined ? {} : { SSHPort: status.ssh.port }),
    ...(engineUrl !== undefined && 'EnginePort' in driver ? { EnginePort: Number(engineUrl.port) } : {}),
  };
  if (JSON.stringify(updated) !== JSON.stringify(driver)) {
    await saveDriverPart(session, machine, updated);
  }
}

/** True for a machine of our image that is not reached on a loopback address, but on one that a network gives it. */
export function hasOwnAddress({ driver }: Pick<OpenMachine, 'driver'>): boolean {
  const { boots, localEndpoints } = driver.manifest.capabilities;
  return boots === 'image' && !localEndpoints;
}
