import { MachineError } from '../../core/errors.ts';
import type { DriverContext, ForwardFailure, PortForward } from '../driver.ts';
import { hostPortOf } from '../usernet.ts';
import { changePublished, listPublished, type Monitor } from '../usernet-forwards.ts';
import type { LibvirtConfig } from './config.ts';
import { findDomain, type Domain } from './domain.ts';
import { powerOf } from './states.ts';
import { openVirsh } from './virsh.ts';

type ForwardContext = DriverContext<LibvirtConfig>;
type IsOwn = (forward: PortForward) => boolean;

const ownGuestPorts: readonly number[] = [22, 2376];

/** See the contract. */
export async function listForwards(context: ForwardContext): Promise<readonly PortForward[]> {
  const { monitor, isOwn } = await openMonitor(context);
  return listPublished(monitor, isOwn);
}

/** See the contract. */
export async function changeForwards(
  context: ForwardContext,
  change: { readonly remove: readonly PortForward[]; readonly add: readonly PortForward[] },
): Promise<readonly ForwardFailure[]> {
  if (change.remove.length === 0 && change.add.length === 0) {
    return [];
  }
  const { monitor, isOwn } = await openMonitor(context);
  return changePublished(monitor, isOwn, change);
}

async function openMonitor(
  context: ForwardContext,
): Promise<{ readonly monitor: Monitor; readonly isOwn: IsOwn }> {
  const { host, config, signal, directory } = context;
  const virsh = await openVirsh(host, config.uri, signal);
  const domain = await findDomain(virsh, context);
  if (domain === undefined || domain.owner !== directory || powerOf(domain.state) !== 'running') {
    throw new MachineError('machine-not-running', `The machine "${context.name}" is not running.`, {
      remedies: [`tsmachine start ${context.name}`],
    });
  }
  return {
    monitor: async (command) => virsh.run(['qemu-monitor-command', config.uuid, '--hmp', command]),
    isOwn: ownOf(domain),
  };
}

/** Forwards of SSH and engine, by either end. */
function ownOf({ forwards }: Domain): IsOwn {
  const hostPorts = ownGuestPorts.map((port) => hostPortOf(forwards, port));
  return ({ protocol, hostPort, guestPort }) =>
    protocol === 'tcp' && (ownGuestPorts.includes(guestPort) || hostPorts.includes(hostPort));
}
