import type { DriverStatus } from '../drivers/driver.ts';

import { hasOwnAddress, recordAddresses } from './addresses.ts';
import { bootMaterial } from './boot-material.ts';
import { MachineError } from '../core/errors.ts';
import { driverContext, type OpenMachine } from './open.ts';
import type { Session } from './session.ts';
import { machinePaths } from './machine-paths.ts';

const verifyTimeoutMs = 60_000;

/**
 * Starts a machine, waits for its guest, and writes down where it can be reached.
 * @throws MachineError `vm-start-failed`, `vm-boot-timeout` and what the driver throws.
 */
export async function bootMachine(session: Session, machine: OpenMachine): Promise<DriverStatus> {
  const material = await bootMaterial(session, machine);
  const context = driverContext(session, machine, material);
  await machine.driver.start(context);
  return afterStart(session, machine);
}

/**
 * The same, and asks the engine over TLS: the first connection is made as soon as the guest says that TLS listens,
 * while it does what is left. Not where the certificate must first be made to name the machine's address.
 * @throws MachineError what bootMachine and verifyEngine throw.
 */
export async function bootVerified(session: Session, machine: OpenMachine): Promise<DriverStatus> {
  let early: Promise<void> | undefined;
  const emit: Session['emit'] = (event) => {
    session.emit(event);
    if (event.type === 'phase' && event.phase === 'tls' && !hasOwnAddress(machine)) {
      early = verifyEngine(session, machine);
      // Its error counts only when the start itself has succeeded.
      early.catch(() => undefined);
    }
  };
  const status = await bootMachine({ ...session, emit }, machine);
  // A machine that ran already, as after an interrupted create, says nothing any more.
  await (early ?? verifyEngine(session, machine));
  return status;
}

async function afterStart(session: Session, machine: OpenMachine): Promise<DriverStatus> {
  const context = driverContext(session, machine);
  const status = await machine.driver.inspect(context);
  await recordAddresses(session, machine, status);
  if (hasOwnAddress(machine) && status.engineUrl !== undefined) {
    const { certifyAddress } = await import('./rotate.ts');
    await certifyAddress(session, machine, status.engineUrl);
  }
  return status;
}

/**
 * Asks the engine for a sign of life over mutual TLS, with the files that clients will use.
 * @throws MachineError `engine-unreachable`, `tls-mismatch` with the cause named.
 */
export async function verifyEngine(session: Session, machine: OpenMachine): Promise<void> {
  const { host } = session;
  const status = await machine.driver.inspect(driverContext(session, machine));
  if (status.engineUrl === undefined) {
    throw new MachineError('machine-not-running', `The machine "${machine.name}" stopped while it started.`, {
      ...(status.detail === undefined ? {} : { why: status.detail }),
      remedies: [`tsmachine logs ${machine.name}`],
    });
  }
  const files = machinePaths(machine.directory);
  const { pingEngine } = await import('../engine/client.ts');
  await pingEngine(
    host,
    status.engineUrl,
    {
      ca: await host.files.readText(files.ca),
      cert: await host.files.readText(files.clientCert),
      key: await host.files.readText(files.clientKey),
    },
    { timeoutMs: verifyTimeoutMs, signal: session.signal },
  );
}
