import { waitUntilGone } from '../../cloud/certain.ts';
import { imageTags, ownerTags, readImageTags } from '../../cloud/ownership.ts';
import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import type { CheckContext } from '../driver.ts';
import type { BakedImage, ImageMaker, ImageOrder } from '../images.ts';
import { imageIdOf, imagesOf, snapshotsOf, type Image } from './api/answers.ts';
import { awsCode, openEc2, unlessMissing, type Ec2 } from './api/ec2.ts';
import { filter } from './choose.ts';
import type { Ec2Config } from './config.ts';
import { tagSpecifications } from './tags.ts';
import { accessOfCheck, openWorld, type Ec2Context, type Ec2World } from './world.ts';

/** Images of instances, with the snapshots in which they are. */

const imageTimeoutMs = 60 * 60_000;
const firstIntervalMs = 5_000;
const intervalMaxMs = 30_000;
/** EC2 may say for a while that a snapshot is still in use by an image that is gone. */
const releaseTriesMax = 10;
const releaseMs = 3_000;

export const ec2Images: ImageMaker<Ec2Config> = {
  make: async (context, order) => {
    const world = await openWorld(context);
    const { machineId } = await world.provider.ownership();
    const present = await findByMachine(world.ec2, machineId);
    const id = present?.id ?? (await create(context, world, order));
    await waitUntilAvailable(context, world.ec2, id);
    const Value = new Date(context.host.clock.nowMs()).toISOString();
    await world.ec2.call('CreateTags', { ResourceId: [id], Tag: [{ Key: ownerTags.baked, Value }] });
  },
  list: async (context, storeId) => {
    const ec2 = openEc2(accessOfCheck(context));
    return (await findByTag(ec2, ownerTags.owner, storeId)).map((image) => toBaked(image, context.config));
  },
  remove: async (context, { id }) => removeImage(context, openEc2(accessOfCheck(context)), id),
};

function toBaked(image: Image, { region }: Ec2Config): BakedImage {
  const { architecture } = image;
  return {
    id: image.id,
    place: region,
    ...readImageTags(image.tags),
    ...(architecture === 'x86_64' ? { architecture: 'amd64' } : {}),
    ...(architecture === 'arm64' ? { architecture } : {}),
    ...(image.rootSizeGiB === undefined ? {} : { diskGiB: image.rootSizeGiB }),
  };
}

/** Whatever the service makes of the filter: nothing else is returned. */
async function findByTag(ec2: Ec2, tag: string, value: string): Promise<readonly Image[]> {
  const answer = await ec2.call('DescribeImages', { Owner: ['self'], Filter: [filter(`tag:${tag}`, value)] });
  return imagesOf(answer).filter(({ tags }) => tags[tag] === value);
}

async function findByMachine(ec2: Ec2, machineId: string): Promise<Image | undefined> {
  return (await findByTag(ec2, ownerTags.machine, machineId))[0];
}

/** There is no token for it, but a name that an account has once: asked a second time, EC2 says that it is there. */
async function create(context: Ec2Context, world: Ec2World, order: ImageOrder): Promise<string> {
  const { ec2, provider } = world;
  const own = await provider.ownership();
  const tags = { Name: order.name, ...imageTags(own, order, context.host.clock.nowMs()) };
  try {
    const answer = await ec2.call('CreateImage', {
      InstanceId: context.config.instanceId,
      Name: `${order.name}-${own.machineId.slice(0, 8)}`,
      Description: `Docker ${order.engineVersion} on ${order.system}`,
      TagSpecification: tagSpecifications(['image', 'snapshot'], tags),
    });
    const id = imageIdOf(answer);
    if (id === undefined || !/^ami-[0-9a-z]+$/.test(id)) {
      throw new MachineError('cloud-refused', 'EC2 answered to CreateImage, but names no image.');
    }
    return id;
  } catch (error) {
    const present =
      awsCode(error) === 'InvalidAMIName.Duplicate' ? await findByMachine(ec2, own.machineId) : undefined;
    if (present === undefined) {
      throw error;
    }
    return present.id;
  }
}

async function waitUntilAvailable(
  { host, signal, emit, name }: Ec2Context,
  ec2: Ec2,
  id: string,
): Promise<void> {
  let last = 'not known yet';
  await waitFor(
    async () => {
      const [image] = await describe(ec2, id);
      if (image?.state === 'failed' || image?.state === 'error') {
        throw new MachineError('cloud-refused', `EC2 could not make the image ${id}.`, {
          why: image.reason ?? `It is ${image.state}.`,
        });
      }
      if (image?.state !== undefined && image.state !== last) {
        last = image.state;
        emit({ type: 'note', machine: name, message: `The image ${id} is ${last}.` });
      }
      return image?.state === 'available' ? true : undefined;
    },
    {
      clock: host.clock,
      timeoutMs: imageTimeoutMs,
      intervalMs: firstIntervalMs,
      intervalMaxMs,
      signal,
      code: 'timeout',
      what: `the image ${id} to be available`,
      hint: () => `It is ${last}.`,
    },
  );
}

async function describe(ec2: Ec2, id: string): Promise<readonly Image[]> {
  const answer = await unlessMissing(() => ec2.call('DescribeImages', { ImageId: [id] }));
  return answer === undefined ? [] : imagesOf(answer).filter((image) => image.id === id);
}

type Waiting = Pick<CheckContext<Ec2Config>, 'host' | 'signal'>;

/** Takes an image back, and removes the snapshots in which it was: those that it names, and those that have its tags. */
export async function removeImage(context: Waiting, ec2: Ec2, id: string): Promise<void> {
  const [image] = await describe(ec2, id);
  if (image === undefined) {
    return;
  }
  const machineId = image.tags[ownerTags.machine];
  await unlessGone(() => ec2.call('DeregisterImage', { ImageId: id }));
  await waitUntilGone(
    `the image ${id}`,
    async () => (await describe(ec2, id)).every(({ state }) => state !== 'available' && state !== 'pending'),
    { clock: context.host.clock, signal: context.signal },
  );
  const tagged = machineId === undefined ? [] : await snapshotsOfMachine(ec2, machineId);
  for (const snapshotId of new Set([...image.snapshotIds, ...tagged])) {
    await removeSnapshot(context, ec2, snapshotId);
  }
}

async function snapshotsOfMachine(ec2: Ec2, machineId: string): Promise<readonly string[]> {
  const Filter = [filter(`tag:${ownerTags.machine}`, machineId)];
  const found = await ec2.list('DescribeSnapshots', { Owner: ['self'], Filter }, snapshotsOf);
  return found.filter(({ tags }) => tags[ownerTags.machine] === machineId).map(({ id }) => id);
}

/** Removes a snapshot that no image needs any more. One that somebody has made another image of stays. */
export async function removeSnapshot({ host, signal }: Waiting, ec2: Ec2, id: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await unlessGone(() => ec2.call('DeleteSnapshot', { SnapshotId: id }));
      return;
    } catch (error) {
      if (awsCode(error) !== 'InvalidSnapshot.InUse') {
        throw error;
      }
    }
    if (attempt === releaseTriesMax) {
      return;
    }
    await host.clock.sleep(releaseMs, signal);
  }
}

/** EC2 has a word of its own for an image that is gone. */
async function unlessGone(action: () => Promise<unknown>): Promise<void> {
  try {
    await unlessMissing(action);
  } catch (error) {
    if (awsCode(error) !== 'InvalidAMIID.Unavailable') {
      throw error;
    }
  }
}
