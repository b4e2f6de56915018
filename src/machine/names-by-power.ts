import { MachineError } from '../core/errors.ts';
import type { PowerState } from '../drivers/driver.ts';
import { driverNames } from '../drivers/registry.ts';
import { listNames } from './list.ts';
import { askMany, type AskMany } from './ask-many.ts';
import { openRecord, readMachine, type OpenMachine } from './open.ts';
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
    const opened = names.map((name) => open(limited, name));
    const ask = askMany(limited, opened);
    const powers = await Promise.all(opened.map((machine) => Promise.race([powerOf(ask, machine), late])));
    return names.filter((_, index) => {
      const power = powers[index];
      return power === undefined || wanted.includes(power);
    });
  } finally {
    // Whoever still asks gives up.
    timer.abort();
  }
}

/** @throws MachineError also for a driver that is not built in. */
async function open(session: Session, name: string): Promise<OpenMachine> {
  const record = await readMachine(session, name);
  if (!driverNames.includes(record.DriverName)) {
    throw new MachineError('driver-unknown', `The driver "${record.DriverName}" is not built in.`);
  }
  return openRecord(session, name, record);
}

async function powerOf(ask: AskMany, opened: Promise<OpenMachine>): Promise<PowerState | undefined> {
  try {
    const machine = await opened;
    return machine.driver.manifest.capabilities.power ? (await ask(machine)).power : 'unmanaged';
  } catch {
    return undefined;
  }
}
