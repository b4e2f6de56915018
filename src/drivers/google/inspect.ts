import { isMachineError, messageOf } from '../../core/errors.ts';
import type { DriverStatus, PowerState } from '../driver.ts';
import { hostEndpoints } from '../host-endpoints.ts';
import { requireProvider } from '../provider.ts';
import { instanceOf, type Instance } from './api/answers.ts';
import type { GoogleConfig } from './config.ts';
import { findDisk, findInstance } from './find-instance.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import { openWorld, type GoogleContext } from './world.ts';

const powerStates: Readonly<Record<string, PowerState>> = {
  PROVISIONING: 'starting',
  STAGING: 'starting',
  REPAIRING: 'starting',
  RUNNING: 'running',
  STOPPING: 'stopping',
  SUSPENDING: 'stopping',
  DEPROVISIONING: 'stopping',
  STOPPED: 'stopped',
  TERMINATED: 'stopped',
  SUSPENDED: 'saved',
};

/** True for an instance that can be started. */
export function isOff(status: string): boolean {
  return status === 'TERMINATED' || status === 'STOPPED' || status === 'SUSPENDED';
}

/** The address by which the machine is reached. */
export function addressOf(instance: Instance, config: GoogleConfig): string | undefined {
  return config.usesInternalAddress ? instance.internalAddress : instance.externalAddress;
}

/** How the machine is, from Google. What Google does not tell is an error state with the reason. */
export async function inspectInstance(context: GoogleContext): Promise<DriverStatus> {
  const { config, name } = context;
  return orError(context, async () => {
    const { google } = await openWorld(context);
    const instance = await findInstance(google, config, name);
    if (instance !== undefined) {
      return statusOf(instance, config);
    }
    const hasDisk = !config.isExisting && (await findDisk(google, config, name)) !== undefined;
    return hasDisk
      ? { power: 'stopped', detail: 'its instance is gone, its disk is there: start makes one again' }
      : { power: 'absent', detail: `Google knows no instance ${name} in ${config.zone}` };
  });
}

/** One list for all machines of a project; what is not in it is asked for alone. */
export async function inspectMany(contexts: readonly GoogleContext[]): Promise<readonly DriverStatus[]> {
  const places = new Map<string, readonly GoogleContext[]>();
  for (const context of contexts) {
    const key = await placeOf(context);
    places.set(key, [...(places.get(key) ?? []), context]);
  }
  const statuses = new Map<GoogleContext, DriverStatus>();
  await Promise.all(
    [...places.values()].map(async (group) => {
      for (const [context, status] of await inspectGroup(group)) {
        statuses.set(context, status);
      }
    }),
  );
  return contexts.map(
    (context) => statuses.get(context) ?? { power: 'error', detail: 'it was not asked for' },
  );
}

/** Machines with the same are in one list: who asks, where, and whose they are. */
async function placeOf({ config, ...context }: GoogleContext): Promise<string> {
  const provider = requireProvider(context);
  const { storeId } = await provider.ownership();
  const { endpoint } = await provider.state();
  const secrets = await provider.secrets();
  return JSON.stringify([config.project, config.credentials, endpoint, secrets, storeId]);
}

async function inspectGroup(
  group: readonly GoogleContext[],
): Promise<readonly (readonly [GoogleContext, DriverStatus])[]> {
  const [first] = group;
  const listed =
    first === undefined || group.length === 1 ? [] : await listInstances(first).catch(() => undefined);
  return Promise.all(
    group.map(async (context) => {
      const { config, name } = context;
      const found = listed?.find((each) => each.name === name && each.zone === config.zone);
      const status = found === undefined ? await inspectInstance(context) : statusOf(found, config);
      return [context, status] as const;
    }),
  );
}

async function listInstances(context: GoogleContext): Promise<readonly Instance[]> {
  const { google, provider } = await openWorld(context);
  const { storeId } = await provider.ownership();
  const values = await google.list(`projects/${context.config.project}/aggregated/instances`, {
    filter: `labels.${ownerTags.owner}=${storeId}`,
  });
  return values.flatMap((value) => instanceOf(value) ?? []);
}

async function orError({ signal }: GoogleContext, ask: () => Promise<DriverStatus>): Promise<DriverStatus> {
  try {
    return await ask();
  } catch (error) {
    signal.throwIfAborted();
    const why = isMachineError(error) && error.why !== undefined ? ` ${error.why}` : '';
    return { power: 'error', detail: `${messageOf(error)}${why}` };
  }
}

/** The status of an instance as Google tells it. */
export function statusOf(instance: Instance, config: GoogleConfig): DriverStatus {
  const power = powerStates[instance.status] ?? 'error';
  const { statusMessage: said, status, name } = instance;
  const detail =
    power === 'running'
      ? {}
      : { detail: `the instance ${name} is ${status}${said === undefined ? '' : `: ${said}`}` };
  const address = power === 'running' ? addressOf(instance, config) : undefined;
  return { power, ...detail, ...(address === undefined ? {} : hostEndpoints(address, config)) };
}

/** The address of the last start, without asking anybody. */
export function recallStatus(config: GoogleConfig): DriverStatus | undefined {
  return config.ipAddress === ''
    ? undefined
    : { power: 'running', ...hostEndpoints(config.ipAddress, config) };
}
