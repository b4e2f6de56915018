import { MachineError } from '../../core/errors.ts';
import type { DriverContext, ForwardFailure, PortForward } from '../driver.ts';
import { addPublished, publishedPrefix, removePublished } from './commands.ts';
import type { VirtualBoxConfig } from './config.ts';
import { findMachine } from './machine.ts';
import type { Forwarding, MachineInfo } from './output.ts';
import { powerOf } from './states.ts';
import { openVBoxManage, type VBoxManage } from './vboxmanage.ts';

type ForwardContext = DriverContext<VirtualBoxConfig>;

/** See the contract. */
export async function listForwards(context: ForwardContext): Promise<readonly PortForward[]> {
  const { info } = await requireRunning(context);
  return publishedRules(info).map(({ protocol, hostAddress, hostPort, guestPort }) => ({
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
    hostAddress: hostAddress === '' ? '0.0.0.0' : hostAddress,
    hostPort,
    guestPort,
  }));
}

/** See the contract. */
export async function changeForwards(
  context: ForwardContext,
  change: { readonly remove: readonly PortForward[]; readonly add: readonly PortForward[] },
): Promise<readonly ForwardFailure[]> {
  if (change.remove.length === 0 && change.add.length === 0) {
    return [];
  }
  const { vbox, info } = await requireRunning(context);
  const present = new Set(publishedRules(info).map(({ name }) => name));
  for (const name of change.remove.map(ruleName).filter((one) => present.has(one))) {
    const { fault } = await vbox.ask(removePublished(info.uuid, name));
    // Somebody else may have taken it away in the meantime.
    if (fault !== undefined && fault.code !== 'NS_ERROR_INVALID_ARG') {
      throw new MachineError('vm-control-failed', `VirtualBox did not close a port: ${fault.message}`);
    }
    present.delete(name);
  }
  const failures: ForwardFailure[] = [];
  for (const forward of change.add.filter((one) => !present.has(ruleName(one)))) {
    const detail = await add(context, vbox, { uuid: info.uuid, forward });
    failures.push(...(detail === undefined ? [] : [{ forward, detail }]));
  }
  return failures;
}

/** What is in the way, if something is. VirtualBox itself says only in its log that a port is taken. */
async function add(
  { host }: ForwardContext,
  vbox: VBoxManage,
  { uuid, forward }: { readonly uuid: string; readonly forward: PortForward },
): Promise<string | undefined> {
  if (forward.protocol === 'tcp' && !(await host.network.isPortFree(forward.hostPort))) {
    return `the port ${forward.hostPort} is taken`;
  }
  const { fault } = await vbox.ask(addPublished(uuid, ruleName(forward), forward));
  return fault?.message;
}

/** Rules for published ports; VirtualBox keeps them when the machine is switched off. */
export function publishedRules({ forwardings }: MachineInfo): readonly Forwarding[] {
  return forwardings.filter(({ name }) => name.startsWith(publishedPrefix));
}

/** One rule for each port of an address, and no commas. */
function ruleName({ protocol, hostAddress, hostPort }: PortForward): string {
  return `${publishedPrefix}${protocol}-${hostAddress}-${hostPort}`;
}

async function requireRunning(
  context: ForwardContext,
): Promise<{ readonly vbox: VBoxManage; readonly info: MachineInfo }> {
  const vbox = await openVBoxManage(context.host, context.signal);
  const found = await findMachine(vbox, context);
  if (found.kind !== 'machine' || powerOf(found.info.state) !== 'running') {
    throw new MachineError('machine-not-running', `The machine "${context.name}" is not running.`, {
      remedies: [`tsmachine start ${context.name}`],
    });
  }
  return { vbox, info: found.info };
}
