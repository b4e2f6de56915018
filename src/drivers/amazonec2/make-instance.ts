import { firstBootData } from '../provider.ts';
import { newUuid } from '../uuid.ts';
import { MachineError } from '../../core/errors.ts';
import { imagesOf, reservedInstances, type Instance } from './api/answers.ts';
import { awsCode, isMissing } from './api/ec2.ts';
import { findByTag, isThere } from './find-instance.ts';
import { runParameters, userDataMaxBytes } from './run-request.ts';
import { ensureGroups } from './security-group.ts';
import { tagsOfMachine } from './tags.ts';
import type { Ec2Context, Ec2World } from './world.ts';

/** Nothing else in the request can be at fault for these: what was made a moment ago is not known everywhere yet. */
const settlingTriesMax = 10;
const settlingMs = 2_000;

/** There is no instance to be had for the price, at this moment, or at all. */
const noSpotCodes: ReadonlySet<string> = new Set([
  'InsufficientInstanceCapacity',
  'MaxSpotInstanceCountExceeded',
  'SpotMaxPriceTooLow',
  'SpotInstanceRequestLimitExceeded',
]);

/**
 * Makes the instance, or finds the one that an earlier attempt made: its id is in the record when this resolves. The token
 * that keeps two sendings from making two is on the disk before the first.
 */
export async function makeInstance(context: Ec2Context, world: Ec2World): Promise<Instance> {
  const { provider, ec2 } = world;
  const { machineId } = await provider.ownership();
  const [present] = (await findByTag(ec2, machineId)).filter(isThere);
  const made = present ?? (await runWithFallback(context, world));
  await keep(context, world, made);
  return made;
}

async function keep({ save }: Ec2Context, { provider }: Ec2World, made: Instance): Promise<void> {
  await save({ InstanceId: made.id, PrivateIPAddress: made.privateAddress ?? '' });
  await provider.saveState({
    ...(made.ownerId === undefined || !/^\d{12}$/.test(made.ownerId) ? {} : { accountId: made.ownerId }),
    ...(made.spotRequestId === undefined ? {} : { spotRequestId: made.spotRequestId }),
  });
}

async function runWithFallback(context: Ec2Context, world: Ec2World): Promise<Instance> {
  const { isSpot } = context.config;
  try {
    return await run(context, world, { isSpot, clientToken: world.state.clientToken });
  } catch (error) {
    const code = awsCode(error) ?? '';
    if (!isSpot || world.state.spotFallback !== 'on-demand' || !noSpotCodes.has(code)) {
      throw error;
    }
    const message = `There is no spot instance to be had (${code}); one on demand is taken.`;
    context.emit({ type: 'warn', machine: context.name, message });
    // Another request needs another token.
    return run(context, world, { isSpot: false, clientToken: '' });
  }
}

async function run(
  context: Ec2Context,
  world: Ec2World,
  { isSpot, clientToken }: { readonly isSpot: boolean; readonly clientToken: string },
): Promise<Instance> {
  const { host, name, signal } = context;
  const { provider, ec2 } = world;
  const own = await provider.ownership();
  const token = clientToken === '' ? newUuid(host) : clientToken;
  await provider.saveState({ clientToken: token });
  const userData = await userDataOf(context, world);
  const tags = tagsOfMachine(own, {
    name,
    userTags: context.config.tags,
    nowMs: await createdMs(world, host.clock.nowMs()),
  });
  const imageSizeGiB = await imageSize(context, world);
  for (let attempt = 1; ; attempt += 1) {
    const { config } = context;
    const endsItself = own.expiresMs !== undefined;
    const details = { clientToken: token, groupIds: config.groupIds, userData, tags, isSpot, endsItself };
    const parameters = runParameters(config, {
      ...details,
      ...(imageSizeGiB === undefined ? {} : { imageSizeGiB }),
    });
    try {
      const [made] = reservedInstances(await ec2.call('RunInstances', parameters));
      if (made === undefined || !/^i-[0-9a-z]+$/.test(made.id)) {
        throw new MachineError('cloud-refused', 'EC2 answered to RunInstances, but names no instance.');
      }
      return made;
    } catch (error) {
      if (
        !isMissing(error) ||
        attempt >= settlingTriesMax ||
        awsCode(error)?.startsWith('InvalidAMI') === true
      ) {
        throw error;
      }
    }
    await host.clock.sleep(settlingMs, signal);
    // The last machine that used the group may have taken it along in the meantime.
    await context.save({ SecurityGroupIds: await ensureGroups(context, world, config.vpcId) });
  }
}

/** The same in every attempt: a token stands for one request, to the letter. */
async function createdMs({ provider }: Ec2World, nowMs: number): Promise<number> {
  const { createdMs: kept } = await provider.state();
  if (typeof kept === 'number' && Number.isSafeInteger(kept)) {
    return kept;
  }
  await provider.saveState({ createdMs: nowMs });
  return nowMs;
}

async function userDataOf(context: Ec2Context, { provider }: Ec2World): Promise<string> {
  const { host, config } = context;
  const theirs = config.userDataFile === '' ? undefined : await host.files.readText(config.userDataFile);
  return firstBootData(context, provider, { theirs, bytesMax: userDataMaxBytes });
}

async function imageSize({ config }: Ec2Context, { ec2 }: Ec2World): Promise<number | undefined> {
  const [image] = imagesOf(await ec2.offers.call('DescribeImages', { ImageId: [config.image] }));
  return image?.rootSizeGiB;
}
