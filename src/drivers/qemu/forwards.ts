import { MachineError, systemCode } from '../../core/errors.ts';
import type { ForwardFailure, PortForward } from '../driver.ts';
import { connectQmp, type QmpClient } from './qmp.ts';
import { findLive, type LiveMachine, type RunContext } from './run-state.ts';
import { parseUsernet } from './usernet.ts';

const connectTimeoutMs = 5_000;
/** The id of the network in argv.ts. */
const network = 'net0';
const ownGuestPorts: readonly number[] = [22, 2376];

/** See the contract. Forwards of SSH and engine are those of the ports that were read at the start. */
export async function listForwards(context: RunContext): Promise<readonly PortForward[]> {
  return withMonitor(context, async (client, live) => {
    const forwards = parseUsernet(await client.monitor('info usernet'));
    return forwards.filter((forward) => !isOwn(forward, live));
  });
}

/** See the contract. */
export async function changeForwards(
  context: RunContext,
  change: { readonly remove: readonly PortForward[]; readonly add: readonly PortForward[] },
): Promise<readonly ForwardFailure[]> {
  if (change.remove.length === 0 && change.add.length === 0) {
    return [];
  }
  return withMonitor(context, async (client, live) => {
    for (const forward of change.remove.filter((each) => !isOwn(each, live))) {
      // What is gone already is what was wanted; the monitor says so in a text that does not matter.
      await client.monitor(`hostfwd_remove ${network} ${hostSide(forward)}`);
    }
    const failures: ForwardFailure[] = [];
    for (const forward of change.add) {
      // Silence is success: the monitor has no other way to tell.
      const said = await client.monitor(
        `hostfwd_add ${network} ${hostSide(forward)}-:${String(forward.guestPort)}`,
      );
      if (said.trim() !== '') {
        failures.push({ forward, detail: said.trim() });
      }
    }
    return failures;
  });
}

function hostSide({ protocol, hostAddress, hostPort }: PortForward): string {
  return `${protocol}:${hostAddress}:${String(hostPort)}`;
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
