import { MachineError } from '../core/errors.ts';
import { upgradeEngine } from '../provision/host.ts';
import { requireFinished } from './finished.ts';
import { createHostLink } from './host-link.ts';
import { withMachineLock } from './locks.ts';
import { driverContext, openMachine, type OpenMachine } from './open.ts';
import { requireHost } from './provision.ts';
import { reportStep } from './report-step.ts';
import type { Session } from './session.ts';

const lockTimeoutMs = 30_000;

/** Which way an upgrade goes. */
export interface UpgradeOptions {
  /** Back to the image that the machine booted before. */
  readonly rollback?: boolean;
}

/**
 * Brings the engine of a machine to its newest version: a host by its packages, with its containers going on; a machine
 * that boots our image by another image. Afterwards the machine runs, as with docker-machine.
 * @throws MachineError `capability-missing` where the engine cannot be upgraded, or not be brought back; what the parts of
 *   it throw.
 */
export async function upgradeMachine(
  session: Session,
  name: string,
  { rollback = false }: UpgradeOptions = {},
): Promise<void> {
  // Once without the lock, so that a wrong name does not leave a lock file behind.
  const { boots } = requireHost(await openMachine(session, name), 'upgraded').driver.manifest.capabilities;
  if (rollback && boots === 'host') {
    throw new MachineError('capability-missing', `The engine of "${name}" cannot be brought back.`, {
      why: 'It comes from the packages of its host, and there is no image to go back to.',
      remedies: ['Install the older packages on the host, then run: tsmachine provision ' + name],
    });
  }
  await withMachineLock(session, name, { verb: 'upgrade', timeoutMs: lockTimeoutMs }, async () => {
    const machine = await openMachine(session, name);
    await requireFinished(session, name);
    if (boots === 'host') {
      await upgradeHost(session, machine);
      return;
    }
    const { rollBackImage, upgradeImage } = await import('./upgrade-image.ts');
    await (rollback ? rollBackImage(session, machine) : upgradeImage(session, machine));
  });
}

async function upgradeHost(session: Session, machine: OpenMachine): Promise<void> {
  const { name } = machine;
  await startIfStopped(session, machine);
  const link = createHostLink(session, machine);
  const step = <T>(stepName: string, summary: string, action: () => Promise<T>): Promise<T> =>
    reportStep(session, name, { step: stepName, summary }, action);
  try {
    await step('reach', 'Waiting for SSH to be available...', () => link.reach());
    const before = await step('detect', 'Detecting the provisioner...', () => link.facts());
    await step('upgrade', 'Upgrading docker...', async () => {
      await upgradeEngine(await link.access(), before, machine.record.HostOptions.EngineOptions?.Env ?? []);
    });
    link.forget();
    const after = await link.facts();
    const [from, to] = [before.engine?.version ?? 'unknown', after.engine?.version ?? 'unknown'];
    const message = from === to ? `Docker ${to} is the newest there is.` : `Docker ${from} became ${to}.`;
    session.emit({ type: 'note', machine: name, message });
  } finally {
    await link.close();
  }
}

/** A host that is off is started first. One without a power switch of ours answers, or it does not. */
async function startIfStopped(session: Session, machine: OpenMachine): Promise<void> {
  if (!machine.driver.manifest.capabilities.power) {
    return;
  }
  const { power } = await machine.driver.inspect(driverContext(session, machine));
  if (power === 'stopped' || power === 'saved' || power === 'paused') {
    const message = 'Starting machine so machine can be upgraded...';
    session.emit({ type: 'note', machine: machine.name, message });
    const { startLocked } = await import('./power.ts');
    await startLocked(session, machine);
  }
}
