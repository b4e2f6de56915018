import { wantedPorts, type OpenPort } from '../../cloud/open-ports.ts';
import { callerRange } from '../../cloud/public-address.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import { waitFor } from '../../core/wait.ts';
import {
  instancesOf,
  securityGroupsOf,
  vpcsOf,
  type IngressRule,
  type SecurityGroup,
} from './api/answers.ts';
import { filter } from './choose.ts';
import { awsCode, isMissing, unlessMissing, type Ec2 } from './api/ec2.ts';
import { isThere } from './find-instance.ts';
import type { QueryParameters } from './api/query.ts';
import { tagSpecifications, tagsOfGroup } from './tags.ts';
import type { Ec2Context, Ec2World } from './world.ts';

/** Firewall rules. They belong to groups, which machines share. */

const visibleTimeoutMs = 60_000;
const visibleIntervalMs = 1_000;

/** What has to be added to rules so that the ports are open from the ranges. A wider range that is there is enough. */
export function missingRules(
  rules: readonly IngressRule[],
  ports: readonly OpenPort[],
  ranges: readonly string[],
): readonly { readonly port: OpenPort; readonly ranges: readonly string[] }[] {
  return ports.flatMap((port) => {
    const open = rules
      .filter(
        (rule) =>
          rule.protocol === '-1' ||
          (rule.protocol === port.protocol && rule.fromPort <= port.port && port.port <= rule.toPort),
      )
      .flatMap((rule) => rule.ranges);
    const lacking = ranges.filter(
      (range) => !open.includes(range) && !open.includes(range.includes(':') ? '::/0' : '0.0.0.0/0'),
    );
    return lacking.length === 0 ? [] : [{ port, ranges: lacking }];
  });
}

/** Rules as a request has them. */
export function permissionsOf(missing: ReturnType<typeof missingRules>): QueryParameters[] {
  return missing.map(({ port, ranges }) => {
    const version6 = ranges.filter((range) => range.includes(':'));
    const version4 = ranges.filter((range) => !range.includes(':'));
    return {
      IpProtocol: port.protocol,
      FromPort: port.port,
      ToPort: port.port,
      IpRanges: version4.map((CidrIp) => ({ CidrIp })),
      Ipv6Ranges: version6.map((CidrIpv6) => ({ CidrIpv6 })),
    };
  });
}

/**
 * Sees to it that the groups are there and, where they are ours, that they let in what the machine needs. A group of
 * somebody else is used as it is; what it lacks is told.
 * @returns their ids.
 */
export async function ensureGroups(
  context: Ec2Context,
  world: Ec2World,
  vpcId: string,
): Promise<readonly string[]> {
  const { config, exclusively } = context;
  const ranges = await rangesOf(context, world, vpcId);
  const ensure = async (): Promise<readonly string[]> => {
    const ids = [];
    for (const name of config.groupNames) {
      const group = await ensureGroup(context, world, { name, vpcId });
      await ensureRules(context, world, group, ranges);
      ids.push(group.id);
    }
    return ids;
  };
  // Not at once with a removal of another machine, which would take the group for unused.
  return exclusively === undefined ? ensure() : exclusively('security-group', ensure);
}

/** From where the ports are open. Whoever connects to private addresses is inside, or comes by a tunnel. */
async function rangesOf(
  { config, host, signal }: Ec2Context,
  { ec2, state }: Ec2World,
  vpcId: string,
): Promise<readonly string[]> {
  if (state.openTo.length > 0) {
    return state.openTo;
  }
  if (config.isPrivateOnly || config.usesPrivateAddress) {
    const [vpc] = await ec2.offers.list('DescribeVpcs', { VpcId: [vpcId] }, vpcsOf);
    return vpc?.range === undefined ? [] : [vpc.range];
  }
  return [await callerRange({ host, signal }, 'amazonec2-open-to')];
}

async function ensureGroup(
  { host, signal }: Ec2Context,
  { ec2, provider }: Ec2World,
  { name, vpcId }: { readonly name: string; readonly vpcId: string },
): Promise<SecurityGroup> {
  const find = async (): Promise<SecurityGroup | undefined> =>
    (
      await ec2.list(
        'DescribeSecurityGroups',
        { Filter: [filter('group-name', name), filter('vpc-id', vpcId)] },
        securityGroupsOf,
      )
    )[0];
  const present = await find();
  if (present !== undefined) {
    return present;
  }
  const { storeId } = await provider.ownership();
  try {
    await ec2.call('CreateSecurityGroup', {
      GroupName: name,
      GroupDescription: 'Docker Machine',
      VpcId: vpcId,
      TagSpecification: tagSpecifications(['security-group'], tagsOfGroup(storeId, host.clock.nowMs())),
    });
  } catch (error) {
    // Another create was quicker, or the answer to an earlier sending was lost.
    if (awsCode(error)?.endsWith('.Duplicate') !== true) {
      throw error;
    }
  }
  return waitFor(find, {
    clock: host.clock,
    timeoutMs: visibleTimeoutMs,
    intervalMs: visibleIntervalMs,
    signal,
    code: 'timeout',
    what: `the security group "${name}" to be there`,
  });
}

async function ensureRules(
  { config, emit, name, host, signal }: Ec2Context,
  { ec2 }: Ec2World,
  group: SecurityGroup,
  ranges: readonly string[],
): Promise<void> {
  const missing = missingRules(group.rules, wantedPorts(config), ranges);
  if (missing.length === 0 || config.isGroupReadOnly) {
    return;
  }
  // One that tsmachine made, also for another store: several people may share an account and a name.
  if (group.tags[ownerTags.mark] !== '1') {
    const ports = missing.map(({ port }) => `${port.port}/${port.protocol}`).join(', ');
    const message = `The security group "${group.name}" was there before and stays as it is. It does not seem to open: ${ports} from ${ranges.join(', ')}.`;
    emit({ type: 'warn', machine: name, message });
    return;
  }
  const add = async (): Promise<true | undefined> => {
    try {
      for (const permission of permissionsOf(missing)) {
        await ec2.call('AuthorizeSecurityGroupIngress', { GroupId: group.id, IpPermissions: [permission] });
      }
    } catch (error) {
      // It was made a moment ago, and not everybody knows it yet.
      if (isMissing(error)) {
        return undefined;
      }
      if (awsCode(error) !== 'InvalidPermission.Duplicate') {
        throw error;
      }
    }
    return true;
  };
  await waitFor(add, {
    clock: host.clock,
    timeoutMs: visibleTimeoutMs,
    intervalMs: visibleIntervalMs,
    signal,
    code: 'timeout',
    what: `the security group "${group.name}" to take rules`,
  });
}

/** Removes the groups that are ours and that nothing uses any more. */
export async function removeUnusedGroups(context: Ec2Context, world: Ec2World): Promise<void> {
  const { exclusively, config } = context;
  const { ec2, provider } = world;
  const { storeId } = await provider.ownership();
  const remove = async (): Promise<void> => {
    const owned = await ec2.list(
      'DescribeSecurityGroups',
      { Filter: [filter(`tag:${ownerTags.owner}`, storeId)] },
      securityGroupsOf,
    );
    for (const group of owned.filter(({ name }) => config.groupNames.includes(name))) {
      await removeGroupIfUnused(ec2, group.id);
    }
  };
  await (exclusively === undefined ? remove() : exclusively('security-group', remove));
}

/** @returns false when something uses it. */
export async function removeGroupIfUnused(ec2: Ec2, groupId: string): Promise<boolean> {
  // EC2 keeps a group that is in use; it is asked first because it says so by an error only.
  const machines = await ec2.list(
    'DescribeInstances',
    { Filter: [filter(`tag:${ownerTags.mark}`, '1')] },
    instancesOf,
  );
  if (machines.some((instance) => isThere(instance) && instance.groupIds.includes(groupId))) {
    return false;
  }
  try {
    await unlessMissing(() => ec2.call('DeleteSecurityGroup', { GroupId: groupId }));
    return true;
  } catch (error) {
    // A machine of another store, a network interface, or a rule of another group.
    if (awsCode(error) === 'DependencyViolation' || awsCode(error) === 'InvalidGroup.InUse') {
      return false;
    }
    throw error;
  }
}
