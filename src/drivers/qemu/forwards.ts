import { MachineError, systemCode } from '../../core/errors.ts';
import type { ForwardFailure, PortForward } from '../driver.ts';
import { connectQmp, type QmpClient } from './qmp.ts';
import { findLive, type LiveMachine, type RunContext } from './run-state.ts';
import { changePublished, listPublished } from '../usernet-forwards.ts';

const connectTimeoutMs = 5_000;
const ownGuestPorts: readonly number[] = [22, 2376];

/** See the contract. Forwards of SSH and engine are those of the ports that were read at the start. */
export async function listForwards(context: RunContext): Promise<readonly PortForward[]> {
  return withMonitor(context, async (client, live) =>
    listPublished(
      (command) => client.monitor(command),
      (forward) => isOwn(forward, live),
    ),
  );
}

/** See the contract. */
export async function changeForwards(
  context: RunContext,
  change: { readonly remove: readonly PortForward[]; readonly add: readonly PortForward[] },
): Promise<readonly ForwardFailure[]> {
  if (change.remove.length === 0 && change.add.length === 0) {
    return [];
  }
  return withMonitor(context, async (client, live) =>
    changePublished(
      (command) => client.monitor(command),
      (forward) => isOwn(forward, live),
      change,
    ),
  );
}

function isOwn(forward: PortForward, { record }: LiveMachine): boolean {
  return (
    forward.protocol === 'tcp' &&
    (ownGuestPorts.includes(forward.guestPort) ||
      forward.hostPort === record?.sshPort ||
      forward.hostPort === record?.enginePort)
  );
}

/**
 * One short conversation on the socket for questions. It serves one client at a time, so it is left at once; others who
 * come meanwhile are served after us.
 */
async function withMonitor<T>(
  context: RunContext,
  work: (client: QmpClient, live: LiveMachine) => Promise<T>,
): Promise<T> {
  const { host, signal } = context;
  if (host.facts.platform === 'win32') {
    throw new MachineError(
      'capability-missing',
      'Forwards of a running machine cannot be changed on Windows.',
      { why: 'QEMU serves each of its pipes only once there' },
    );
  }
  const live = await findLive(context);
  if (live === undefined) {
    throw notRunning(context);
  }
  let client: QmpClient;
  try {
    client = await connectQmp(host, live.observer, { timeoutMs: connectTimeoutMs, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw ['ENOENT', 'ECONNREFUSED'].includes(systemCode(error) ?? '') ? notRunning(context) : error;
  }
  try {
    return await work(client, live);
  } finally {
    client.close();
  }
}

function notRunning({ name }: RunContext): MachineError {
  return new MachineError('machine-not-running', `The machine "${name}" is not running.`, {
    remedies: [`tsmachine start ${name}`],
  });
}
