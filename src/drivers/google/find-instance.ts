import { ownerTags } from '../../cloud/ownership.ts';
import { diskOf, instanceOf, type Disk, type Instance } from './api/answers.ts';
import type { Google } from './api/google.ts';
import type { GoogleConfig } from './config.ts';
import { diskName, zonePath } from './names.ts';
import type { GoogleContext, GoogleWorld } from './world.ts';

/** Instances and disks have names that there are once in a zone; whose they are is another question. */

export function instancePath(config: GoogleConfig, name: string): string {
  return `${zonePath(config)}/instances/${name}`;
}

/** Whatever instance has the name of the machine. */
export async function findInstance(
  google: Google,
  config: GoogleConfig,
  name: string,
): Promise<Instance | undefined> {
  return instanceOf(await google.find(instancePath(config, name)));
}

/** Whatever disk has the name of the machine's. */
export async function findDisk(
  google: Google,
  config: GoogleConfig,
  name: string,
): Promise<Disk | undefined> {
  return diskOf(await google.find(`${zonePath(config)}/disks/${diskName(name)}`));
}

/**
 * True for what was made for this machine. What docker-machine or rancher made has no marks: there the name counts, if
 * nobody else's marks are on it.
 */
export async function isOwn(
  { config }: GoogleContext,
  { provider, state }: GoogleWorld,
  { id, labels }: Pick<Instance, 'id' | 'labels'>,
): Promise<boolean> {
  const { machineId } = await provider.ownership();
  const marked = labels[ownerTags.machine];
  if (marked !== undefined || (state.isOurs && !config.isExisting)) {
    return marked === machineId || (state.instanceId !== '' && state.instanceId === id);
  }
  return !state.isOurs || state.instanceId === '' || state.instanceId === id;
}
