import { ownerTags } from '../../cloud/ownership.ts';
import { instancesOf, type Instance } from './api/answers.ts';
import { filter } from './choose.ts';
import { unlessMissing, type Ec2 } from './api/ec2.ts';
import type { Ec2Context, Ec2World } from './world.ts';

/** Instances by id and by tag. */

/** Values that EC2 takes in one filter. */
const idsMax = 200;

/** States in which there is something that costs money. */
const goneStates: ReadonlySet<string> = new Set(['terminated']);

/** True for an instance that is there, or on its way out. */
export function isThere({ state }: Instance): boolean {
  return !goneStates.has(state);
}

/** The instance of an id; undefined when EC2 does not know it. One that was terminated is known for an hour. */
export async function findById(ec2: Ec2, instanceId: string): Promise<Instance | undefined> {
  return ec2.together('instances', instanceId, async (ids) => {
    const [id = '', ...more] = ids;
    if (more.length > 0) {
      return findByIds(ec2, ids);
    }
    const answer = await unlessMissing(() => ec2.call('DescribeInstances', { InstanceId: [id] }));
    return new Map((answer === undefined ? [] : instancesOf(answer)).map((each) => [each.id, each]));
  });
}

/** Those of many ids that EC2 knows. An id in a filter that is not known is no error, unlike one that is asked for. */
export async function findByIds(ec2: Ec2, ids: readonly string[]): Promise<ReadonlyMap<string, Instance>> {
  const found: Instance[] = [];
  for (let at = 0; at < ids.length; at += idsMax) {
    const [first = '', ...more] = ids.slice(at, at + idsMax);
    const filters = [filter('instance-id', first, ...more)];
    found.push(...(await ec2.list('DescribeInstances', { Filter: filters }, instancesOf)));
  }
  return new Map(found.map((instance) => [instance.id, instance]));
}

/** Every instance that carries the id of the machine; more than one only after something went wrong. */
export async function findByTag(ec2: Ec2, machineId: string): Promise<readonly Instance[]> {
  return ec2.list(
    'DescribeInstances',
    { Filter: [filter(`tag:${ownerTags.machine}`, machineId)] },
    instancesOf,
  );
}

/** Those of the machine that are there: by the id of the record, and by tag. */
export async function findOwn(
  { config }: Ec2Context,
  { ec2, provider }: Ec2World,
): Promise<readonly Instance[]> {
  const { machineId } = await provider.ownership();
  const byTag = await findByTag(ec2, machineId);
  const isKnown = config.instanceId === '' || byTag.some(({ id }) => id === config.instanceId);
  const byId = isKnown ? undefined : await findById(ec2, config.instanceId);
  return [...byTag, ...(byId === undefined ? [] : [byId])].filter(isThere);
}
