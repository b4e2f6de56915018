import { expiryText, ownerTags } from '../../cloud/ownership.ts';
import { openWorld, type Ec2Context } from './world.ts';

/**
 * The mark that tells until when the instance is wanted. One that has an end is terminated when it powers itself off; of a
 * spot instance EC2 lets nobody change that.
 */
export async function changeExpiry(context: Ec2Context, expiresMs: number | undefined): Promise<void> {
  const { ec2 } = await openWorld(context);
  const { instanceId, isSpot } = context.config;
  const ResourceId = [instanceId];
  if (!isSpot) {
    await ec2.call('ModifyInstanceAttribute', {
      InstanceId: instanceId,
      InstanceInitiatedShutdownBehavior: { Value: expiresMs === undefined ? 'stop' : 'terminate' },
    });
  }
  await (expiresMs === undefined
    ? ec2.call('DeleteTags', { ResourceId, Tag: [{ Key: ownerTags.expires }] })
    : ec2.call('CreateTags', {
        ResourceId,
        Tag: [{ Key: ownerTags.expires, Value: expiryText(expiresMs) }],
      }));
}
