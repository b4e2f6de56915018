import { unlessMissing } from '../../cloud/json-api.ts';
import { expiryText, ownerTags } from '../../cloud/ownership.ts';
import { openWorld, type OpenStackContext } from './world.ts';

/** The metadata that tells until when the server is wanted. */
export async function changeExpiry(context: OpenStackContext, expiresMs: number | undefined): Promise<void> {
  const { openstack } = await openWorld(context);
  const path = `/servers/${encodeURIComponent(context.config.serverId)}/metadata`;
  await (expiresMs === undefined
    ? unlessMissing(() =>
        openstack.call('compute', { method: 'DELETE', path: `${path}/${ownerTags.expires}` }),
      )
    : openstack.call('compute', {
        method: 'POST',
        path,
        body: { metadata: { [ownerTags.expires]: expiryText(expiresMs) } },
        isRepeatable: true,
      }));
}
