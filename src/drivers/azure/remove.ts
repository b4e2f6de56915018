import { removeInterface } from './network.ts';
import { removeMachine } from './remove-machine.ts';
import { removeSecurityGroup } from './security-group.ts';
import { removeUnusedShared } from './shared.ts';
import { openWorld, type AzureContext } from './world.ts';

/** Everything, in the order in which one thing holds another. What is gone already is success. */
export async function removeFromAzure(context: AzureContext): Promise<void> {
  const world = await openWorld(context);
  if (world.state.isMadeHere && !world.state.isBegun) {
    // Not even a name is taken there: no credentials are needed to forget it.
    return;
  }
  await removeMachine(context, world);
  await removeInterface(context, world);
  await removeSecurityGroup(context, world);
  await removeUnusedShared(context, world);
}
