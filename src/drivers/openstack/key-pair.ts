import { cloudStatus, unlessMissing } from '../../cloud/json-api.ts';
import { textField } from '../../cloud/json-fields.ts';
import type { OpenStack } from './api/openstack.ts';
import { markedName } from './marks.ts';
import type { OpenStackContext, OpenStackWorld } from './world.ts';

/** SSH keys: one that is made for the machine and uploaded, or one of the user's. */

/** The name of a key pair, if there is one of it. */
export async function findKeyPair(openstack: OpenStack, name: string): Promise<string | undefined> {
  const path = `/os-keypairs/${encodeURIComponent(name)}`;
  const body = await unlessMissing(() => openstack.call('compute', { method: 'GET', path }));
  return textField(body, 'keypair', 'name');
}

/** Makes the machine's key and uploads it under a name that nothing else has. */
export async function uploadKey(context: OpenStackContext, world: OpenStackWorld): Promise<string> {
  const { provider, openstack } = world;
  const name = markedName(context.name, await provider.ownership());
  const public_key = await provider.userKey();
  await provider.saveState({ hasOwnKeyPair: true });
  try {
    const body = { keypair: { name, public_key } };
    await openstack.call('compute', { method: 'POST', path: '/os-keypairs', body, isRepeatable: true });
  } catch (error) {
    // Nobody but this machine has the name: the answer to an earlier sending was lost.
    if (cloudStatus(error) !== 409 || (await findKeyPair(openstack, name)) === undefined) {
      throw error;
    }
  }
  await context.save({ KeyPairName: name });
  return name;
}

/** Removes the machine's key pair, but never one of the user's. */
export async function removeKey(
  { name, config }: OpenStackContext,
  { openstack, provider, state }: OpenStackWorld,
): Promise<void> {
  if (config.isExistingKey || (config.keyName === '' && !state.hasOwnKeyPair)) {
    return;
  }
  // A record of docker-machine names what it made.
  const own = config.keyName === '' ? markedName(name, await provider.ownership()) : config.keyName;
  await deleteKeyPair(openstack, own);
}

/** What is gone already is success. */
export async function deleteKeyPair(openstack: OpenStack, name: string): Promise<void> {
  const path = `/os-keypairs/${encodeURIComponent(name)}`;
  await unlessMissing(() => openstack.call('compute', { method: 'DELETE', path }));
}
