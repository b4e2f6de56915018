import { MachineError } from '../core/errors.ts';
import { bootMachine, verifyEngine } from './boot.ts';
import { ensureSshKeys, refreshCertificates } from './credentials.ts';
import { refreshMachineContext } from './contexts.ts';
import { requireFinished } from './finished.ts';
import { withMachineLock } from './locks.ts';
import { driverContext, openMachine, type OpenMachine } from './open.ts';
import { reportStep } from './report-step.ts';
import type { Session } from './session.ts';

const lockTimeoutMs = 30_000;
const askToStop = 'Asking the machine to stop';

/**
 * Starts a machine and returns when its engine answers. Certificates that are about to end or no longer fit
 * are issued again first.
 * @throws MachineError `machine-state` when it already runs, `machine-incomplete` when its create never finished.
 */
export async function startMachine(session: Session, name: string): Promise<void> {
  await withMachine(session, name, 'start', async (machine) => {
    if ((await powerOf(session, machine)) === 'running') {
      throw new MachineError('machine-state', `Machine "${name}" is already running.`, { remedies: [] });
    }
    await startLocked(session, machine);
  });
}

/** Powers a machine off, the guest first. @throws MachineError `machine-state` when it is off already. */
export async function stopMachine(session: Session, name: string): Promise<void> {
  await withMachine(session, name, 'stop', async (machine) => {
    await requireNotStopped(session, machine);
    await reportStep(session, name, { step: 'stop', summary: askToStop, isRoutine: true }, () =>
      machine.driver.stop(driverContext(session, machine)),
    );
  });
}

/** Takes the power away. @throws MachineError `machine-state` when it is off already. */
export async function killMachine(session: Session, name: string): Promise<void> {
  await withMachine(session, name, 'kill', async (machine) => {
    await requireNotStopped(session, machine);
    await reportStep(session, name, { step: 'kill', summary: 'Taking the power away', isRoutine: true }, () =>
      machine.driver.kill(driverContext(session, machine)),
    );
  });
}

/** Stop and start; a stopped machine is only started. @returns which of the two it was. */
export async function restartMachine(session: Session, name: string): Promise<'restarted' | 'started'> {
  return withMachine(session, name, 'restart', async (machine) => {
    const isOff = (await powerOf(session, machine)) === 'stopped';
    const { driver } = machine;
    if (!isOff && driver.restart !== undefined) {
      await restartByDriver(session, machine);
      return 'restarted';
    }
    if (!isOff) {
      await reportStep(session, name, { step: 'stop', summary: askToStop, isRoutine: true }, () =>
        machine.driver.stop(driverContext(session, machine)),
      );
    }
    if (isOff) {
      session.emit({ type: 'note', message: `Starting "${name}"...` });
    }
    await startLocked(session, machine);
    return isOff ? 'started' : 'restarted';
  });
}

async function restartByDriver(session: Session, machine: OpenMachine): Promise<void> {
  const { driver, name } = machine;
  const { bootId, waitUntilBack } = await import('./host-boot.ts');
  const isHost = driver.manifest.capabilities.boots === 'host';
  const before = isHost ? await bootId(session, machine) : undefined;
  const step = { step: 'restart', summary: 'Waiting for the machine', isRoutine: true };
  await reportStep(session, name, step, async () => driver.restart?.(driverContext(session, machine)));
  if (before !== undefined) {
    await waitUntilBack(session, machine, before);
  }
}

/** See startMachine, whatever state the machine is in; the caller holds its lock. */
export async function startLocked(session: Session, machine: OpenMachine): Promise<void> {
  const { name } = machine;
  const own = await requireFinished(session, name);
  const { tlsKeyType } = own;
  if (machine.driver.manifest.capabilities.boots === 'image') {
    const credentials = { ...machine, tlsKeyType };
    await ensureSshKeys(session.host, credentials);
    await refreshCertificates(session, credentials);
  }
  await reportStep(session, name, { step: 'boot', summary: 'Waiting for the machine' }, () =>
    bootMachine(session, machine),
  );
  const { boots, engine } = machine.driver.manifest.capabilities;
  if (boots === 'host') {
    const { readyHost } = await import('./host-boot.ts');
    await readyHost(session, machine, own);
    return;
  }
  if (engine === false) {
    return;
  }
  await reportStep(session, name, { step: 'verify', summary: 'Asking the engine over TLS' }, () =>
    verifyEngine(session, machine),
  );
  await refreshMachineContext(session, machine);
}

async function withMachine<T>(
  session: Session,
  name: string,
  verb: 'start' | 'stop' | 'kill' | 'restart',
  action: (machine: OpenMachine) => Promise<T>,
): Promise<T> {
  // Once without the lock, so that a wrong name does not leave a lock file behind.
  await openMachine(session, name);
  return withMachineLock(session, name, { verb, timeoutMs: lockTimeoutMs }, async () =>
    action(await openMachine(session, name)),
  );
}

async function powerOf(session: Session, machine: OpenMachine): Promise<string> {
  const { power } = await machine.driver.inspect(driverContext(session, machine));
  return power === 'absent' ? 'stopped' : power;
}

async function requireNotStopped(session: Session, machine: OpenMachine): Promise<void> {
  if ((await powerOf(session, machine)) === 'stopped') {
    throw new MachineError('machine-state', `Machine "${machine.name}" is already stopped.`, {
      remedies: [],
    });
  }
}
