import { MachineError } from '../core/errors.ts';
import { refreshMachineContext } from './contexts.ts';
import { requireFinished } from './finished.ts';
import { followedFiles } from './follow/files.ts';
import { changedGuestFiles, writeGuestFiles } from './guest-files.ts';
import { createHostLink } from './host-link.ts';
import { hostPhases, type HostPhaseOptions, type HostWork } from './host-phases.ts';
import { withMachineLock } from './locks.ts';
import { openMachine, type OpenMachine } from './open.ts';
import type { OwnData } from './own-data.ts';
import { reportStep } from './report-step.ts';
import { rotateOpenMachine } from './rotate.ts';
import type { Session } from './session.ts';
import { hasGivenHostKey } from './settle-host-key.ts';

const lockTimeoutMs = 30_000;

/**
 * Sets a machine up again with the options that it was made with. A host that is as it should be is left as it is; a
 * machine that boots our image has everything but its certificates from there.
 * @throws MachineError `capability-missing` for an engine of somebody else; what the parts of it throw.
 */
export async function provisionMachine(session: Session, name: string): Promise<void> {
  // Once without the lock, so that a wrong name does not leave a lock file behind.
  requireHost(await openMachine(session, name), 'provisioned');
  await withMachineLock(session, name, { verb: 'provision', timeoutMs: lockTimeoutMs }, async () => {
    const machine = await openMachine(session, name);
    const own = await requireFinished(session, name);
    if (machine.driver.manifest.capabilities.boots === 'image') {
      await refreshFollowed(session, machine, own);
      const rotation = await rotateOpenMachine(session, machine, { force: false });
      const message =
        rotation === 'served'
          ? 'The machine boots an image that needs no provisioning; its certificates are as they should be.'
          : 'The machine boots an image that needs no provisioning; it gets its certificates when it starts.';
      session.emit({ type: 'note', machine: name, message });
      return;
    }
    await provisionOpenHost(session, machine, { own });
  });
}

/** What the engine takes over from this computer, as a create would make it now. */
async function refreshFollowed(session: Session, machine: OpenMachine, own: OwnData): Promise<void> {
  const { host } = session;
  if (own.imageDigest === undefined) {
    // Made by docker-machine, which hands over no such files.
    return;
  }
  const wanted = await followedFiles(session, machine, own);
  const changed = await changedGuestFiles(host, machine.directory, wanted);
  if (changed) {
    await writeGuestFiles(host, machine.directory, wanted);
    session.emit({
      type: 'note',
      machine: machine.name,
      message: 'The settings of the engine have changed; they take effect at the next start of the machine.',
    });
  }
}

/** Sets a host up; the caller holds the machine's lock. */
export async function provisionOpenHost(
  session: Session,
  machine: OpenMachine,
  { own, ...options }: HostPhaseOptions & Pick<HostWork, 'own'>,
): Promise<void> {
  const link = createHostLink(session, machine);
  const work: HostWork = { session, machine, own, link };
  try {
    const { provider } = machine.driver.manifest.capabilities;
    const hasGivenKey = provider === true && (await hasGivenHostKey(session, machine));
    for (const phase of hostPhases({ ...options, hasGivenKey })) {
      await reportStep(session, machine.name, { step: phase.name, summary: phase.summary }, () =>
        phase.run(work),
      );
    }
  } finally {
    await link.close();
  }
  await refreshMachineContext(session, machine);
}

/**
 * The machine, if there is a system behind its engine that can be changed.
 * @throws MachineError `capability-missing`.
 */
export function requireHost(machine: OpenMachine, participle: 'provisioned' | 'upgraded'): OpenMachine {
  const { boots, ssh } = machine.driver.manifest.capabilities;
  if (boots === 'nothing' || !ssh) {
    throw new MachineError('capability-missing', `The machine "${machine.name}" cannot be ${participle}.`, {
      why: `machines of the driver "${machine.driver.manifest.name}" have no host that tsmachine controls`,
      remedies: [],
    });
  }
  return machine;
}
