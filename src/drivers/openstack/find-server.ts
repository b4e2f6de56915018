import { unlessMissing } from '../../cloud/json-api.ts';
import { field } from '../../cloud/json-fields.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import { readAll, serverOf, type Server } from './api/answers.ts';
import type { OpenStack } from './api/openstack.ts';
import type { OpenStackContext, OpenStackWorld } from './world.ts';

/** Servers by id and by mark. */

/** True for a server that is there, or on its way out. Clouds may keep removed ones for a while. */
export function isThere({ status }: Server): boolean {
  return status !== 'DELETED' && status !== 'SOFT_DELETED';
}

/** The server of an id; undefined when Nova does not know it. */
export async function findById(openstack: OpenStack, id: string): Promise<Server | undefined> {
  const path = `/servers/${encodeURIComponent(id)}`;
  const body = await unlessMissing(() => openstack.call('compute', { method: 'GET', path }));
  return serverOf(field(body, 'server'));
}

/** All servers of the project. */
export async function listServers(openstack: OpenStack, name?: string): Promise<readonly Server[]> {
  // Nova takes a regular expression.
  const query = name === undefined ? {} : { name: `^${name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$` };
  return readAll(await openstack.list('compute', '/servers/detail', 'servers', query), serverOf).filter(
    isThere,
  );
}

/** Those that carry the id of the machine; more than one only after something went wrong. */
export async function findByMark(
  openstack: OpenStack,
  { name, machineId }: { readonly name: string; readonly machineId: string },
): Promise<readonly Server[]> {
  const servers = await listServers(openstack, name);
  return servers.filter(({ metadata }) => metadata[ownerTags.machine] === machineId);
}

/** Those of the machine that are there: by the id of the record, and by mark. */
export async function findOwn(
  { name, config }: OpenStackContext,
  { openstack, provider }: OpenStackWorld,
): Promise<readonly Server[]> {
  const { machineId } = await provider.ownership();
  const byMark = await findByMark(openstack, { name, machineId });
  const isKnown = config.serverId === '' || byMark.some(({ id }) => id === config.serverId);
  const byId = isKnown ? undefined : await findById(openstack, config.serverId);
  return [...byMark, ...(byId === undefined ? [] : [byId])].filter(isThere);
}
