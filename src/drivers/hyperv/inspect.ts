import { isMachineError } from '../../core/errors.ts';
import type { DriverContext, DriverStatus } from '../driver.ts';
import { findPowerShell } from '../windows-powershell.ts';
import { addressOf, isUsable } from './address.ts';
import type { HyperVConfig } from './config.ts';
import { findMachine, machineFiles } from './machine.ts';
import type { MachineFacts } from './output.ts';
import { connect } from './powershell.ts';
import { detailOf, powerOf } from './states.ts';

/** Ports of the guest, which has an address of its own. */
export const [sshPort, enginePort] = [22, 2376];

/** Asks Hyper-V how the machine is. */
export async function inspectMachine(context: DriverContext<HyperVConfig>): Promise<DriverStatus> {
  const { host, signal, config } = context;
  const hasFolder = (await host.files.stat(machineFiles(context).folder)) !== undefined;
  if (config.id === '' && !hasFolder) {
    return { power: 'absent' };
  }
  const program = await findPowerShell(host);
  if (program === undefined) {
    return { power: 'error', detail: 'PowerShell was not found, so Hyper-V cannot be asked' };
  }
  try {
    const found = await findMachine(connect(host, program, signal), context);
    return found === undefined ? { power: 'absent' } : statusOf(found, config);
  } catch (error) {
    signal.throwIfAborted();
    if (!isMachineError(error)) {
      throw error;
    }
    return { power: 'error', detail: error.message };
  }
}

function statusOf(machine: MachineFacts, { lastAddress }: HyperVConfig): DriverStatus {
  const power = powerOf(machine.state);
  const detail = detailOf(machine.state);
  const address = addressOf(machine) ?? (isUsable(lastAddress) ? lastAddress : undefined);
  return {
    power,
    ...(detail === undefined ? {} : { detail }),
    ...(address === undefined ? {} : { address }),
    ...(address === undefined || power !== 'running'
      ? {}
      : { ssh: { host: address, port: sshPort }, engineUrl: `tcp://${address}:${enginePort}` }),
  };
}
