import { cloudCode, cloudStatus } from '../../cloud/json-api.ts';
import { firstBootData } from '../provider.ts';
import { ownNames } from './api/ids.ts';
import { findByName, waitUntil } from './find-machine.ts';
import { ensureInterface } from './network.ts';
import { removeMachine } from './remove-machine.ts';
import { customDataMaxBytes, machineBody } from './requests.ts';
import { ensureSecurityGroup } from './security-group.ts';
import { availabilitySetPath, withShared } from './shared.ts';
import { conflict, isOwn, tagsOfMachine, type AzureContext, type AzureWorld } from './world.ts';

/** There is no spot machine to be had at this moment, for the price, or at all. */
const noSpotCodes =
  /^(?:SkuNotAvailable|(?:Zonal)?AllocationFailed|OverconstrainedAllocationRequest|OverconstrainedZonalAllocationRequest|OperationNotAllowed|QuotaExceeded|EvictionPolicy.*|MaxPrice.*)$/;

/** Makes the virtual machine, or goes on with the one that an earlier attempt made. */
export async function makeMachine(context: AzureContext, world: AzureWorld): Promise<void> {
  const { emit, name } = context;
  const { isSpot, spotFallback } = world.state;
  try {
    await ensureMachine(context, world, isSpot);
  } catch (error) {
    const code = cloudCode(error) ?? '';
    if (!isSpot || spotFallback !== 'on-demand' || !noSpotCodes.test(code)) {
      throw error;
    }
    const message = `There is no spot machine to be had (${code}); one on demand is taken.`;
    emit({ type: 'warn', machine: name, message });
    // What is there of it cannot be changed into another kind, and takes its network interface along.
    await removeMachine(context, world);
    await ensureInterface(context, world);
    await ensureMachine(context, world, false);
  }
}

async function ensureMachine(context: AzureContext, world: AzureWorld, isSpot: boolean): Promise<void> {
  const { name } = context;
  const { provider } = world;
  let present = await findByName(world);
  if (present !== undefined && !isOwn(present, world)) {
    throw conflict('a virtual machine', name);
  }
  if (/^failed$/i.test(present?.provisioning ?? '')) {
    await removeMachine(context, world);
    await ensureInterface(context, world);
    present = undefined;
  }
  if (present === undefined) {
    await provider.saveState({ isMachineAsked: true });
    await put(context, world, isSpot);
  }
  const made = await waitUntil(context, world, {
    what: `the virtual machine of "${name}" to be made`,
    isReached: ({ provisioning }) => /^(?:succeeded|updating)$/i.test(provisioning ?? ''),
    isMaking: true,
  });
  await provider.saveState({ diskId: made.diskId ?? '' });
}

async function put(context: AzureContext, world: AzureWorld, isSpot: boolean): Promise<void> {
  const { host, config, name } = context;
  const { azure, provider, paths, state } = world;
  const theirs = config.customDataFile === '' ? undefined : await host.files.readText(config.customDataFile);
  const userData = await firstBootData(context, provider, { theirs, bytesMax: customDataMaxBytes });
  const availabilitySetId = availabilitySetPath(config);
  const body = machineBody(context.config, state, {
    name,
    tags: tagsOfMachine(context, world),
    interfaceId: paths.networkInterface,
    ...(availabilitySetId === undefined ? {} : { availabilitySetId }),
    diskName: ownNames(name).disk,
    userKey: await provider.userKey(),
    userData,
    isSpot,
  });
  await withShared(context, world, {
    make: async () => {
      try {
        // Never over a machine that is there: somebody else may have been quicker.
        await azure.put(paths.virtualMachine, body, { 'if-none-match': '*' });
      } catch (error) {
        // An earlier sending has made it, or somebody else has.
        const present = cloudStatus(error) === 412 ? await findByName(world) : undefined;
        if (present === undefined) {
          throw error;
        }
        if (!isOwn(present, world)) {
          throw conflict('a virtual machine', name);
        }
      }
    },
    repair: async () => {
      await ensureSecurityGroup(context, world);
      await ensureInterface(context, world);
    },
  });
}
