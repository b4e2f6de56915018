import { ownerTags } from '../../cloud/ownership.ts';
import { MachineError } from '../../core/errors.ts';
import { expiryLabel } from './labels.ts';
import { findById } from './servers.ts';
import { openWorld, type HetznerContext } from './world.ts';

/** The label that tells until when the server is wanted. */
export async function changeExpiry(context: HetznerContext, expiresMs: number | undefined): Promise<void> {
  const { config, name } = context;
  const { hetzner } = await openWorld(context);
  const server = await findById(hetzner, config.serverId);
  if (server === undefined) {
    throw new MachineError('machine-state', `The server ${config.serverId} of "${name}" is gone.`);
  }
  const others = Object.entries(server.labels).filter(([key]) => key !== ownerTags.expires);
  const labels = {
    ...Object.fromEntries(others),
    ...(expiresMs === undefined ? {} : { [ownerTags.expires]: expiryLabel(expiresMs) }),
  };
  await hetzner.send({ method: 'PUT', path: `/servers/${server.id}`, body: { labels } });
}
