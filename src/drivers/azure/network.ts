import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import { cloudCode } from '../../cloud/json-api.ts';
import { resourceOf } from './api/answers.ts';
import { addressBody, interfaceBody } from './requests.ts';
import { ensureSecurityGroup, securityGroupPath } from './security-group.ts';
import { subnetPath, withShared } from './shared.ts';
import { conflict, isOwn, tagsOfMachine, type AzureContext, type AzureWorld } from './world.ts';

/** The machine's own public address and network interface. */

/** A network interface stays reserved for a while after its machine has gone. */
const reservedTimeoutMs = 6 * 60_000;
const reservedIntervalMs = 5_000;
const reservedIntervalMaxMs = 60_000;

/**
 * Sees to it that both are there.
 * @throws MachineError `cloud-conflict` when somebody else's has a name.
 */
export async function ensureInterface(context: AzureContext, world: AzureWorld): Promise<void> {
  const { config, name } = context;
  const { azure, paths } = world;
  const tags = tagsOfMachine(context, world);
  await withShared(context, world, {
    make: async () => {
      if (
        !config.hasNoPublicAddress &&
        !(await isThere(world, paths.address, ['a public address', `${name}-ip`]))
      ) {
        await azure.put(paths.address, addressBody(config, tags));
      }
      if (!(await isThere(world, paths.networkInterface, ['a network interface', `${name}-nic`]))) {
        const parts = {
          subnetId: subnetPath(config),
          securityGroupId: securityGroupPath(context, world),
          ...(config.hasNoPublicAddress ? {} : { addressId: paths.address }),
        };
        await azure.put(paths.networkInterface, interfaceBody(config, tags, parts));
      }
    },
    repair: async () => ensureSecurityGroup(context, world),
  });
}

/** @returns false for what is not there, or has to be made again. @throws MachineError `cloud-conflict`. */
async function isThere(
  world: AzureWorld,
  path: string,
  [what, name]: readonly [string, string],
): Promise<boolean> {
  const present = resourceOf(await world.azure.get(path));
  if (present === undefined) {
    return false;
  }
  if (!isOwn(present, world)) {
    throw conflict(what, name);
  }
  return /^succeeded$/i.test(present.provisioning ?? '');
}

/** Removes both, if they are the machine's. */
export async function removeInterface(
  { host, signal, name }: AzureContext,
  world: AzureWorld,
): Promise<void> {
  const { azure, paths } = world;
  for (const path of [paths.networkInterface, paths.address]) {
    const present = resourceOf(await azure.get(path));
    if (present === undefined || !isOwn(present, world)) {
      continue;
    }
    await waitFor(
      async () => {
        try {
          await azure.remove(path);
          return true;
        } catch (error) {
          if (isReserved(error)) {
            return undefined;
          }
          throw error;
        }
      },
      {
        clock: host.clock,
        timeoutMs: reservedTimeoutMs,
        intervalMs: reservedIntervalMs,
        intervalMaxMs: reservedIntervalMaxMs,
        signal,
        code: 'timeout',
        what: `Azure to let go of the network interface of "${name}"`,
      },
    );
  }
}

function isReserved(error: unknown): boolean {
  return (
    error instanceof MachineError &&
    /^(?:NicReservedForAnotherVm|NicInUse|PublicIPAddressCannotBeDeleted)$/i.test(cloudCode(error) ?? '')
  );
}
