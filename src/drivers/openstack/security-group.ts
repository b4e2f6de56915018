import { cloudStatus, unlessMissing } from '../../cloud/json-api.ts';
import { field } from '../../cloud/json-fields.ts';
import { makeOnce } from '../../cloud/make-once.ts';
import { wantedPorts, type OpenPort } from '../../cloud/open-ports.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import { MachineError } from '../../core/errors.ts';
import { groupOf, readAll, type IngressRule, type SecurityGroup } from './api/answers.ts';
import { ruleBody } from './api/requests.ts';
import type { OpenStack } from './api/openstack.ts';
import { callerRange } from './caller-address.ts';
import { groupNameOf, markOfStore, readMark } from './marks.ts';
import type { OpenStackContext, OpenStackWorld } from './world.ts';

/** Firewall rules. They belong to a group that the machines of a store share; groups of the user's stay as they are. */

/** What has to be added to rules so that the ports are open from the ranges. A wider range that is there is enough. */
export function missingRules(
  rules: readonly IngressRule[],
  ports: readonly OpenPort[],
  ranges: readonly string[],
): readonly { readonly port: OpenPort; readonly range: string }[] {
  const isOpen = (port: OpenPort, range: string): boolean =>
    rules.some((rule) => {
      const isProtocol = rule.protocol === undefined || rule.protocol === port.protocol;
      const isPort = (rule.portMin ?? 0) <= port.port && port.port <= (rule.portMax ?? 65_535);
      const isVersion = (rule.version === 6) === range.includes(':');
      const everything = range.includes(':') ? '::/0' : '0.0.0.0/0';
      const isRange = rule.range === undefined ? !rule.isForGroup : [range, everything].includes(rule.range);
      return isProtocol && isPort && isVersion && isRange;
    });
  return ports.flatMap((port) =>
    ranges.filter((range) => !isOpen(port, range)).map((range) => ({ port, range })),
  );
}

/** Sees to it that the group of the store is there and lets in what the machine needs. @returns its id. */
export async function ensureGroup(context: OpenStackContext, world: OpenStackWorld): Promise<string> {
  const { config, host, signal, exclusively } = context;
  const { openstack, state, provider } = world;
  const { storeId } = await provider.ownership();
  const ranges =
    state.openTo.length > 0
      ? state.openTo
      : [
          await callerRange(
            { host, signal },
            { authUrl: await openstack.authUrl(), ipVersion: config.ipVersion },
          ),
        ];
  const ports = wantedPorts({ sshPort: config.sshPort, openPorts: state.openPorts });
  const ensure = async (): Promise<string> => {
    const group = await findOrMake(context, world, storeId);
    for (const { port, range } of missingRules(group.rules, ports, ranges)) {
      await addRule(openstack, group.id, { port, range });
    }
    return group.id;
  };
  // Not at once with a removal of another machine, which would take the group for unused.
  const groupId = await (exclusively === undefined ? ensure() : exclusively('security-group', ensure));
  await provider.saveState({ groupId });
  return groupId;
}

async function findOrMake(
  { host, signal }: OpenStackContext,
  { openstack }: OpenStackWorld,
  storeId: string,
): Promise<SecurityGroup> {
  return makeOnce({
    clock: host.clock,
    signal,
    find: async () => (await groupsOfStore(openstack, storeId))[0],
    make: async () => {
      const security_group = {
        name: groupNameOf(storeId),
        description: markOfStore(storeId, host.clock.nowMs()),
      };
      const body = await openstack.call('network', {
        method: 'POST',
        path: '/security-groups',
        body: { security_group },
      });
      const group = groupOf(field(body, 'security_group'));
      if (group === undefined) {
        throw new MachineError('request-failed', 'OpenStack made a security group, but does not name it.');
      }
      return group;
    },
  });
}

async function addRule(
  openstack: OpenStack,
  groupId: string,
  { port, range }: { readonly port: OpenPort; readonly range: string },
): Promise<void> {
  const body = ruleBody(groupId, port, range);
  try {
    // Neutron refuses a second rule that says the same.
    await openstack.call('network', {
      method: 'POST',
      path: '/security-group-rules',
      body,
      isRepeatable: true,
    });
  } catch (error) {
    if (cloudStatus(error) !== 409) {
      throw error;
    }
  }
}

/** Groups of the project that were made for a store; more than one only when two computers made one at once. */
export async function groupsOfStore(
  openstack: OpenStack,
  storeId: string,
): Promise<readonly SecurityGroup[]> {
  const query = { project_id: await openstack.projectId(), name: groupNameOf(storeId) };
  const groups = readAll(
    await openstack.list('network', '/security-groups', 'security_groups', query),
    groupOf,
  );
  return groups.filter(({ description }) => readMark(description)[ownerTags.owner] === storeId);
}

/** Removes the groups that are ours and that nothing uses any more. */
export async function removeUnusedGroups(
  { exclusively }: OpenStackContext,
  { openstack, provider }: OpenStackWorld,
): Promise<void> {
  const { storeId } = await provider.ownership();
  const remove = async (): Promise<void> => {
    for (const { id } of await groupsOfStore(openstack, storeId)) {
      await deleteGroup(openstack, id);
    }
  };
  await (exclusively === undefined ? remove() : exclusively('security-group', remove));
}

/** Gone already, or used by a port, is success. */
export async function deleteGroup(openstack: OpenStack, id: string): Promise<void> {
  try {
    await unlessMissing(() =>
      openstack.call('network', { method: 'DELETE', path: `/security-groups/${id}` }),
    );
  } catch (error) {
    if (cloudStatus(error) !== 409) {
      throw error;
    }
  }
}
