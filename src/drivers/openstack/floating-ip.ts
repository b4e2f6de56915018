import { isIPv4 } from 'node:net';
import { unlessMissing } from '../../cloud/json-api.ts';
import { field } from '../../cloud/json-fields.ts';
import { makeOnce } from '../../cloud/make-once.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import { floatingIpOf, portOf, readAll, type FloatingIp, type Port } from './api/answers.ts';
import type { OpenStack } from './api/openstack.ts';
import { markOfMachine, readMark } from './marks.ts';
import type { OpenStackContext, OpenStackWorld } from './world.ts';

/**
 * Floating IPs. A free one of the project is taken, as docker-machine does; else one is made. Only what was made is
 * removed: it says so in its description.
 */

const portTimeoutMs = 60_000;
const portIntervalMs = 1_000;

/** Gives the server an address of the pool, if one was asked for; it runs. The address is in the record then. */
export async function assignFloatingIp(
  context: OpenStackContext,
  world: OpenStackWorld,
): Promise<FloatingIp> {
  const { exclusively, save } = context;
  const { provider, openstack, state } = world;
  const port = await findPort(context, openstack);
  const assign = async (): Promise<FloatingIp> => {
    const known = await listFloatingIps(openstack);
    const present = known.find(({ portId }) => portId === port.id);
    return present ?? (await takeFree(context, openstack, known, port)) ?? (await make(context, world, port));
  };
  // Two machines of a store that are made at once must not take the same one.
  const found = await (exclusively === undefined ? assign() : exclusively('floating-ip', assign));
  if (state.floatingIpId !== found.id) {
    await provider.saveState({ floatingIpId: found.id });
  }
  await save({ IPAddress: found.address, FloatingIpPoolId: found.networkId });
  return found;
}

/** The port of the server that has an address of version 4, on the network that was asked for if one was. */
async function findPort(
  { host, signal, config, name }: OpenStackContext,
  openstack: OpenStack,
): Promise<Port> {
  return waitFor(
    async () => {
      const query = { device_id: config.serverId };
      const ports = readAll(await openstack.list('network', '/ports', 'ports', query), portOf);
      return ports.find(
        ({ networkId, addresses }) =>
          addresses.some(isIPv4) && (config.networkId === '' || networkId === config.networkId),
      );
    },
    {
      clock: host.clock,
      timeoutMs: portTimeoutMs,
      intervalMs: portIntervalMs,
      signal,
      code: 'timeout',
      what: `the server of "${name}" to have a port for a floating IP`,
    },
  );
}

async function takeFree(
  { config }: OpenStackContext,
  openstack: OpenStack,
  known: readonly FloatingIp[],
  port: Port,
): Promise<FloatingIp | undefined> {
  const free = known.filter(
    ({ networkId, portId, description }) =>
      networkId === config.floatingPoolId &&
      portId === undefined &&
      // One that tsmachine made belongs to another machine, and is about to be removed.
      readMark(description)[ownerTags.mark] === undefined,
  );
  for (const { id } of free) {
    const path = `/floatingips/${id}`;
    const body = { floatingip: { port_id: port.id } };
    await unlessMissing(() => openstack.call('network', { method: 'PUT', path, body }));
    // Somebody else may have been quicker, or quicker after us: Neutron gives it to whoever asks last.
    const taken = floatingIpOf(
      field(await unlessMissing(() => openstack.call('network', { method: 'GET', path })), 'floatingip'),
    );
    if (taken?.portId === port.id) {
      return taken;
    }
  }
  return undefined;
}

async function make(
  { host, signal, config }: OpenStackContext,
  { openstack, provider }: OpenStackWorld,
  port: Port,
): Promise<FloatingIp> {
  const own = await provider.ownership();
  return makeOnce({
    clock: host.clock,
    signal,
    find: async () =>
      (await floatingIpsOfMachine(openstack, own.machineId)).find(({ portId }) => portId === port.id),
    make: async () => {
      const description = markOfMachine(own, host.clock.nowMs());
      const floatingip = { floating_network_id: config.floatingPoolId, port_id: port.id, description };
      const body = await openstack.call('network', {
        method: 'POST',
        path: '/floatingips',
        body: { floatingip },
      });
      const made = floatingIpOf(field(body, 'floatingip'));
      if (made === undefined) {
        throw new MachineError('request-failed', 'OpenStack made a floating IP, but does not name it.');
      }
      return made;
    },
  });
}

/** All floating IPs of the project. */
export async function listFloatingIps(openstack: OpenStack): Promise<readonly FloatingIp[]> {
  const query = { project_id: await openstack.projectId() };
  return readAll(await openstack.list('network', '/floatingips', 'floatingips', query), floatingIpOf);
}

async function floatingIpsOfMachine(openstack: OpenStack, machineId: string): Promise<readonly FloatingIp[]> {
  const known = await listFloatingIps(openstack);
  return known.filter(({ description }) => readMark(description)[ownerTags.machine] === machineId);
}

/** Removes the floating IPs that were made for the machine. One that was only taken is free again without its port. */
export async function removeFloatingIps(context: OpenStackContext, world: OpenStackWorld): Promise<void> {
  const { config, emit, name } = context;
  const { openstack, provider, state } = world;
  if (config.floatingPool === '') {
    return;
  }
  const { machineId } = await provider.ownership();
  for (const { id } of await floatingIpsOfMachine(openstack, machineId)) {
    await deleteFloatingIp(openstack, id);
  }
  const isOfAnotherProgram = state.floatingIpId === '' && !state.hasBegun;
  if (isOfAnotherProgram && config.address !== '') {
    const message = `The floating IP ${config.address} of "${name}" stays: nobody knows whether it was made for it.`;
    emit({ type: 'warn', machine: name, message });
  }
  await context.save({ IPAddress: '' });
  await provider.saveState({ floatingIpId: '' });
}

/** Gone already is success. */
export async function deleteFloatingIp(openstack: OpenStack, id: string): Promise<void> {
  await unlessMissing(() => openstack.call('network', { method: 'DELETE', path: `/floatingips/${id}` }));
}
