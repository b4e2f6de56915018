import { callerRange } from '../../cloud/public-address.ts';
import { ownerTags, sharedTags } from '../../cloud/ownership.ts';
import { listField } from '../../cloud/json-fields.ts';
import { MachineError } from '../../core/errors.ts';
import { resourceOf, takenRules } from './api/answers.ts';
import { pathOfId, resourcePath } from './api/ids.ts';
import { insideTag, missingRules, securityGroupBody, wantedRules } from './requests.ts';
import { isOfStore, removeIf } from './shared.ts';
import { conflict, isOwn, tagsOfMachine, type AzureContext, type AzureWorld } from './world.ts';

/** Firewall rules: they belong to a network security group, by default one for each machine. */

/** Path of the machine's group. */
export function securityGroupPath({ config }: Pick<AzureContext, 'config'>, world: AzureWorld): string {
  const { securityGroup } = config;
  if (securityGroup === '') {
    return world.paths.securityGroup;
  }
  return securityGroup.startsWith('/')
    ? pathOfId(securityGroup)
    : resourcePath(world.group, 'networkSecurityGroups', securityGroup);
}

/**
 * Sees to it that the group is there and, where it is ours, that it lets in what the machine needs. A group of somebody
 * else is used as it is.
 * @throws MachineError `cloud-conflict`; `cloud-refused` for one that was named by its id and is not there.
 */
export async function ensureSecurityGroup(context: AzureContext, world: AzureWorld): Promise<void> {
  const { config, emit, name } = context;
  const { azure } = world;
  const path = securityGroupPath(context, world);
  const present = await azure.get(path);
  const isById = config.securityGroup.startsWith('/');
  if (present === undefined && isById) {
    throw new MachineError('cloud-refused', `There is no network security group ${config.securityGroup}.`);
  }
  const tags = present === undefined ? {} : (resourceOf(present)?.tags ?? {});
  if (present !== undefined && config.securityGroup === '' && !isOwn({ tags }, world)) {
    throw conflict('a network security group', `${name}-firewall`);
  }
  if (present !== undefined && (isById || tags[ownerTags.mark] !== '1')) {
    const message = `The network security group of "${name}" was there before and stays as it is. The ports 22 and ${config.enginePort} must be open in it.`;
    emit({ type: 'warn', machine: name, message });
    return;
  }
  const wanted = wantedRules(config, await sourcesOf(context, world));
  if (present === undefined) {
    await azure.put(path, securityGroupBody(config, tagsOfGroup(context, world), wanted));
    return;
  }
  for (const rule of missingRules(takenRules(present), wanted)) {
    await azure.put(`${path}/securityRules/${rule.name}`, { properties: rule.properties });
  }
}

/** One that has a name of its own may serve several machines. */
function tagsOfGroup(context: AzureContext, world: AzureWorld): Readonly<Record<string, string>> {
  return context.config.securityGroup === ''
    ? tagsOfMachine(context, world)
    : sharedTags(world.own.storeId, context.host.clock.nowMs());
}

/** From where the ports are open. Whoever connects to private addresses is inside, or comes by a tunnel. */
async function sourcesOf(
  { config, host, signal }: AzureContext,
  { state }: AzureWorld,
): Promise<readonly string[]> {
  if (state.openTo.length > 0) {
    return state.openTo;
  }
  if (config.usesPrivateAddress) {
    return [insideTag];
  }
  return [await callerRange({ host, signal }, 'azure-open-to')];
}

/** Removes the machine's own group, or one of this store that nothing uses any more. */
export async function removeSecurityGroup(context: AzureContext, world: AzureWorld): Promise<void> {
  const { securityGroup } = context.config;
  if (securityGroup.startsWith('/')) {
    return;
  }
  const isUsed = (value: unknown): boolean =>
    ['networkInterfaces', 'subnets'].some((list) => listField(value, 'properties', list).length > 0);
  await removeIf(world, securityGroupPath(context, world), (value) => {
    const resource = resourceOf(value);
    return (
      resource !== undefined &&
      (securityGroup === '' ? isOwn(resource, world) : isOfStore(value, world.own.storeId) && !isUsed(value))
    );
  });
}
