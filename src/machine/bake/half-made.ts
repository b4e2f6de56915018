import { removeUnfinished } from '../../drivers/images.ts';
import { driverContext, type OpenMachine } from '../open.ts';
import { loadDriverState } from '../own-data.ts';
import { readSecrets } from '../secrets.ts';
import type { Session } from '../session.ts';

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
