import type { PowerState } from '../drivers/driver.ts';
import { driverNames } from '../drivers/registry.ts';
import { listNames } from './list.ts';
import { driverContext, openRecord, readMachine } from './open.ts';
import type { Session } from './session.ts';

/**
 * Names of the machines that are in one of these states, or may be: of those that do not answer in time, cannot be read,
 * or whose driver is not built in, nothing is known. Starts no plugin and runs no code of an installed driver.
 */
export async function namesByPower(
  session: Session,
  wanted: readonly PowerState[],
  timeoutMs: number,
): Promise<readonly string[]> {
  const names = await listNames(session);
  const timer = new AbortController();
  const late = session.host.clock.sleep(timeoutMs, timer.signal).then(
    () => undefined,
    () => undefined,
  );
  const limited: Session = { ...session, signal: AbortSignal.any([session.signal, timer.signal]) };
  try {
    const powers = await Promise.all(names.map((name) => Promise.race([powerOf(limited, name), late])));
    return names.filter((_, index) => {
      const power = powers[index];
      return power === undefined || wanted.includes(power);
    });
  } finally {
    // Whoever still asks gives up.
    timer.abort();
  }
}

async function powerOf(session: Session, name: string): Promise<PowerState | undefined> {
  try {
    const record = await readMachine(session, name);
    if (!driverNames.includes(record.DriverName)) {
      return undefined;
    }
    const machine = await openRecord(session, name, record);
    if (!machine.driver.manifest.capabilities.power) {
      return 'unmanaged';
    }
    return (await machine.driver.inspect(driverContext(session, machine))).power;
  } catch {
    return undefined;
  }
}
