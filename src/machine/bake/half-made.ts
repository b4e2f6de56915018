import { removeUnfinished } from '../../drivers/images.ts';
import type { JournalEntry } from '../journal.ts';
import { driverContext, type OpenMachine } from '../open.ts';
import { loadDriverState } from '../own-data.ts';
import { readSecrets } from '../secrets.ts';
import type { Session } from '../session.ts';

/** The step of a machine's journal in which an image is made of it. */
export const imageStep = 'bake-image';

/** True when an image of the machine may be there that is not finished. */
export function mayHaveHalfMade(entries: readonly JournalEntry[]): boolean {
  return entries.some(({ step }) => step === imageStep);
}

/** Removes what there is of an image of this machine that was never finished. Finished ones stay. */
export async function removeHalfMade(session: Session, machine: OpenMachine): Promise<void> {
  const images = await machine.driver.images?.();
  const context = driverContext(session, machine);
  const owner = await context.provider?.ownership();
  if (images !== undefined && owner !== undefined) {
    const state = await loadDriverState(session, machine.name);
    const secrets = await readSecrets(session.host, machine.directory);
    await removeUnfinished(images, { ...context, state, secrets }, owner);
  }
}
