import { ownerTags } from '../../cloud/ownership.ts';
import { MachineError } from '../../core/errors.ts';
import { findById } from './find-droplet.ts';
import { deleteTag, ensureTag } from './firewall.ts';
import { ownTags } from './tags.ts';
import { openWorld, type DropletContext } from './world.ts';

/** The tag that tells until when the droplet is wanted. It has the id of the machine in it, so nothing else has it. */
export async function changeExpiry(context: DropletContext, expiresMs: number | undefined): Promise<void> {
  const { config, name } = context;
  const { api, provider } = await openWorld(context);
  const { machineId } = await provider.ownership();
  const droplet = await findById(api, config.dropletId);
  if (droplet === undefined) {
    throw new MachineError('machine-state', `The droplet ${config.dropletId} of "${name}" is gone.`);
  }
  const wanted = ownTags({ machineId, ...(expiresMs === undefined ? {} : { expiresMs }) }).filter(isExpiry);
  for (const tag of wanted.filter((each) => !droplet.tags.includes(each))) {
    await ensureTag(api, tag);
    const body = { resources: [{ resource_id: String(droplet.id), resource_type: 'droplet' }] };
    await api.call({ method: 'POST', path: `/tags/${tag}/resources`, body, isRepeatable: true });
  }
  // Only now: it is never without one that it is to have.
  for (const tag of droplet.tags.filter((each) => isExpiry(each) && !wanted.includes(each))) {
    await deleteTag(api, tag);
  }
}

function isExpiry(tag: string): boolean {
  return tag.startsWith(`${ownerTags.expires}:`);
}
