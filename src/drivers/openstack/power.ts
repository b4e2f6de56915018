import { cloudStatus } from '../../cloud/json-api.ts';
import { MachineError } from '../../core/errors.ts';
import type { Server } from './api/answers.ts';
import { findById, isThere } from './find-server.ts';
import { addressOf, waitUntil, waitUntilActive } from './wait-server.ts';
import { openWorld, type OpenStackContext, type OpenStackWorld } from './world.ts';

/** Starting and stopping. "Already so" is success. */

const stopTimeoutMs = 10 * 60_000;

type Action = 'os-start' | 'os-stop' | 'resume' | 'unpause' | 'unshelve' | 'reboot';

/** What brings a server back that is in such a state. */
const ways: ReadonlyMap<string, Action> = new Map<string, Action>(
  Object.entries({
    SHUTOFF: 'os-start',
    STOPPED: 'os-start',
    PAUSED: 'unpause',
    SUSPENDED: 'resume',
    SHELVED: 'unshelve',
    SHELVED_OFFLOADED: 'unshelve',
  } as const),
);

/** Starts the server and returns when it is active and has an address. */
export async function startServer(context: OpenStackContext): Promise<void> {
  const { config, signal, name } = context;
  signal.throwIfAborted();
  requireServer(context);
  const world = await openWorld(context);
  const present = await waitUntil(context, world, {
    what: `the server of "${name}" to be known and at rest`,
    isReached: ({ status, task }) => status === 'BUILD' || task === undefined,
  });
  const way = ways.get(present.status);
  if (way !== undefined) {
    await act(world, config.serverId, way);
  }
  const running = await waitUntilActive(
    context,
    world,
    (server) => addressOf(server, context.config) !== undefined,
  );
  await context.save({ IPAddress: addressOf(running, context.config) ?? '' });
}

/** Asks the guest to shut down; Nova takes the power when it does not. */
export async function stopServer(context: OpenStackContext): Promise<void> {
  const { config, name } = context;
  const world = await openWorld(context);
  const found = config.serverId === '' ? undefined : await findById(world.openstack, config.serverId);
  if (found === undefined || !isThere(found) || isOff(found) || found.task === 'deleting') {
    return;
  }
  const present = await waitUntil(context, world, {
    what: `the server of "${name}" to be at rest`,
    isReached: ({ status, task }) => status !== 'BUILD' && (task === undefined || task === 'powering-off'),
  });
  if (present.task === undefined && !isOff(present)) {
    await act(world, config.serverId, 'os-stop');
  }
  await waitUntil(context, world, {
    what: `the server of "${name}" to stop`,
    isReached: isOff,
    timeoutMs: stopTimeoutMs,
  });
}

/** Restarts the guest, or starts a server that does not run. */
export async function restartServer(context: OpenStackContext): Promise<void> {
  requireServer(context);
  const world = await openWorld(context);
  const present = await findById(world.openstack, context.config.serverId);
  if (present?.status === 'ACTIVE' && present.task === undefined) {
    await act(world, present.id, 'reboot');
    await waitUntilActive(context, world);
    return;
  }
  await startServer(context);
}

function isOff({ status, task }: Server): boolean {
  return task === undefined && /^(?:SHUTOFF|STOPPED|SHELVED|SHELVED_OFFLOADED|SUSPENDED)$/.test(status);
}

async function act({ openstack }: OpenStackWorld, id: string, action: Action): Promise<void> {
  const body = { [action]: action === 'reboot' ? { type: 'SOFT' } : null };
  const path = `/servers/${encodeURIComponent(id)}/action`;
  try {
    await openstack.call('compute', { method: 'POST', path, body, isRepeatable: true });
  } catch (error) {
    // It is in another state already: an earlier sending, or somebody else. What comes of it is waited for.
    if (cloudStatus(error) !== 409) {
      throw error;
    }
  }
}

function requireServer({ config, name }: OpenStackContext): void {
  if (config.serverId === '') {
    throw new MachineError('vm-start-failed', `The machine "${name}" has no server.`, {
      remedies: [`tsmachine create --resume ${name}`, `tsmachine rm ${name}`],
    });
  }
}
