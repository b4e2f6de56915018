import type { DriverStatus } from '../driver.ts';
import { instancesOf, type Instance } from './api/answers.ts';
import { credentialSources, openEc2, type Ec2Access } from './api/ec2.ts';
import { filter } from './choose.ts';
import { problemStatus, statusOf, withoutInstance } from './inspect.ts';
import { accessOf, type Ec2Context } from './world.ts';

/** Values that EC2 takes in one filter. An id in a filter that is not known is no error, unlike one that is asked for. */
const idsMax = 200;

/** Machines that are asked for as one and the same user. */
interface Group {
  readonly access: Ec2Access;
  readonly contexts: Ec2Context[];
}

/** How many machines are, with one request for each 200 of them. What EC2 does not tell is an error state. */
export async function inspectInstances(contexts: readonly Ec2Context[]): Promise<readonly DriverStatus[]> {
  const statuses = new Map<Ec2Context, DriverStatus>();
  const groups = new Map<string, Group>();
  for (const context of contexts) {
    if (context.config.instanceId === '') {
      statuses.set(context, withoutInstance);
      continue;
    }
    try {
      const access = await accessOf(context);
      const key = JSON.stringify([credentialSources(access), access.config.endpoint]);
      const group = groups.get(key) ?? { access, contexts: [] };
      groups.set(key, group);
      group.contexts.push(context);
    } catch (error) {
      statuses.set(context, problemStatus(error));
    }
  }
  await Promise.all([...groups.values()].map((group) => inspectGroup(group, statuses)));
  return contexts.map((context) => statuses.get(context) ?? withoutInstance);
}

async function inspectGroup(
  { access, contexts }: Group,
  statuses: Map<Ec2Context, DriverStatus>,
): Promise<void> {
  try {
    const instances = await findByIds(
      access,
      contexts.map(({ config }) => config.instanceId),
    );
    for (const context of contexts) {
      statuses.set(context, statusOf(instances.get(context.config.instanceId), context.config));
    }
  } catch (error) {
    access.signal.throwIfAborted();
    for (const context of contexts) {
      statuses.set(context, problemStatus(error));
    }
  }
}

async function findByIds(access: Ec2Access, ids: readonly string[]): Promise<ReadonlyMap<string, Instance>> {
  const ec2 = openEc2(access);
  const found: Instance[] = [];
  for (let at = 0; at < ids.length; at += idsMax) {
    const [first = '', ...more] = ids.slice(at, at + idsMax);
    const filters = [filter('instance-id', first, ...more)];
    found.push(...(await ec2.list('DescribeInstances', { Filter: filters }, instancesOf)));
  }
  return new Map(found.map((instance) => [instance.id, instance]));
}
