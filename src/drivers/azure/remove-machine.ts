import { resourceOf, type VirtualMachine } from './api/answers.ts';
import { isSameId, pathOfId } from './api/ids.ts';
import { findOwn } from './find-machine.ts';
import { isOwn, type AzureContext, type AzureWorld } from './world.ts';

/** A request that was sent a moment ago may still be on its way. */
const looks = 3;
const betweenLooksMs = 3_000;

/** Removes the virtual machine and its disk; its network interface and public address go with it where we made it. */
export async function removeMachine(context: AzureContext, world: AzureWorld): Promise<void> {
  const { emit, name } = context;
  const { azure, provider, paths } = world;
  const found = await findSurely(context, world);
  if (found !== undefined) {
    // It need not shut down for that.
    await azure.remove(paths.virtualMachine, { forceDeletion: true });
  }
  if (found?.diskUrl !== undefined) {
    const message = `The disk of "${name}" lies in a storage account and stays there: ${found.diskUrl}`;
    emit({ type: 'warn', machine: name, message });
  }
  await removeDisk(world, found);
  await context.save({ IPAddress: '' });
  await provider.saveState({ isMachineAsked: false, diskId: '' });
}

async function findSurely(
  { host, signal }: AzureContext,
  world: AzureWorld,
): Promise<VirtualMachine | undefined> {
  const isKnown = world.state.diskId !== '' || !world.state.isMachineAsked;
  for (let look = 1; ; look += 1) {
    const found = await findOwn(world);
    if (found !== undefined || isKnown || look === looks) {
      return found;
    }
    await host.clock.sleep(betweenLooksMs, signal);
  }
}

/** It goes with its machine; one that did not is a rest. */
async function removeDisk(world: AzureWorld, machine: VirtualMachine | undefined): Promise<void> {
  const { azure, paths, state } = world;
  const known = machine?.diskId ?? state.diskId;
  const path = known === '' ? paths.disk : pathOfId(known);
  const disk = resourceOf(await azure.get(path));
  if (disk !== undefined && (isOwn(disk, world) || isSameId(disk.id, known))) {
    await azure.remove(path);
  }
}
