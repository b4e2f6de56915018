import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import { privateAddressOf, publicAddressOf, virtualMachineOf, type VirtualMachine } from './api/answers.ts';
import type { AzureConfig } from './config.ts';
import { isOwn, type AzureContext, type AzureWorld } from './world.ts';

/** The virtual machine, by its name; and waiting for it. */

const stateTimeoutMs = 10 * 60_000;
const firstIntervalMs = 2_000;
const intervalMaxMs = 15_000;

/** What has the machine's name, with its power state; it may be a stranger's. */
export async function findByName({ azure, paths }: AzureWorld): Promise<VirtualMachine | undefined> {
  return virtualMachineOf(await azure.get(paths.virtualMachine, { $expand: 'instanceView' }));
}

/** The same, if it is this machine. */
export async function findOwn(world: AzureWorld): Promise<VirtualMachine | undefined> {
  const found = await findByName(world);
  return found !== undefined && isOwn(found, world) ? found : undefined;
}

/** The address by which it is reached; undefined before it has one. */
export async function findAddress(
  { azure, paths }: Pick<AzureWorld, 'azure' | 'paths'>,
  config: AzureConfig,
): Promise<string | undefined> {
  return config.usesPrivateAddress
    ? privateAddressOf(await azure.get(paths.networkInterface))
    : publicAddressOf(await azure.get(paths.address));
}

/** What is waited for. */
export interface MachineWait {
  readonly what: string;
  readonly isReached: (machine: VirtualMachine) => boolean;
  /** The machine is being made. Later a failure is one of what was done last, after which it can be tried again. */
  readonly isMaking?: boolean;
}

/** @throws MachineError `vm-start-failed` for a machine that is gone or could not be made; `timeout`. */
export async function waitUntil(
  { host, signal, name }: AzureContext,
  world: AzureWorld,
  { what, isReached, isMaking = false }: MachineWait,
): Promise<VirtualMachine> {
  let last = 'not known yet';
  return waitFor(
    async () => {
      const found = await findOwn(world);
      const over = isMaking ? /^(?:failed|deleting)$/i : /^deleting$/i;
      if (found === undefined || over.test(found.provisioning ?? '')) {
        throw new MachineError(
          'vm-start-failed',
          found === undefined
            ? `The virtual machine of "${name}" is gone.`
            : `Azure could not make the virtual machine of "${name}".`,
          {
            why:
              found === undefined
                ? 'Azure does not know it any more.'
                : (found.trouble ?? 'It does not say why.'),
            remedies: [`tsmachine rm ${name}`],
          },
        );
      }
      last = found.power ?? found.provisioning ?? last;
      return isReached(found) ? found : undefined;
    },
    {
      clock: host.clock,
      timeoutMs: stateTimeoutMs,
      intervalMs: firstIntervalMs,
      intervalMaxMs,
      signal,
      code: 'timeout',
      what,
      hint: () => `The virtual machine is ${last}.`,
    },
  );
}
