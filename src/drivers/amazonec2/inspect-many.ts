import type { DriverStatus } from '../driver.ts';
import { credentialSources, openEc2, type Ec2Access } from './api/ec2.ts';
import { findByIds } from './find-instance.ts';
import { problemStatus, statusOf, withoutInstance } from './inspect.ts';
import { accessOf, type Ec2Context } from './world.ts';

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
      openEc2(access),
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
