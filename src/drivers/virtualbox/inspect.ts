import { isMachineError } from '../../core/errors.ts';
import type { DriverContext, DriverStatus } from '../driver.ts';
import { engineRule, sshRule } from './commands.ts';
import type { VirtualBoxConfig } from './config.ts';
import { findVBoxManage } from './find.ts';
import { findMachine, machineFiles } from './machine.ts';
import type { MachineInfo } from './output.ts';
import { forwardedPort } from './ports.ts';
import { detailOf, powerOf } from './states.ts';
import { connect } from './vboxmanage.ts';

const loopback = '127.0.0.1';
/** Where docker-machine's machines have their engine, at an address of their own. */
const enginePort = 2376;

/** Asks VirtualBox how the machine is. */
export async function inspectMachine(context: DriverContext<VirtualBoxConfig>): Promise<DriverStatus> {
  const { host, signal, config } = context;
  const hasSettings = (await host.files.stat(machineFiles(context).settings)) !== undefined;
  if (config.uuid === '' && !hasSettings) {
    return { power: 'absent' };
  }
  const program = await findVBoxManage(host);
  if (program === undefined) {
    return { power: 'error', detail: 'VBoxManage was not found, so VirtualBox cannot be asked' };
  }
  try {
    const found = await findMachine(connect(host, program, signal), context);
    if (found.kind === 'machine') {
      return statusOf(found.info, config);
    }
    return found.kind === 'absent'
      ? { power: 'absent' }
      : { power: 'error', detail: `VirtualBox cannot read the settings of the machine: ${found.why}` };
  } catch (error) {
    signal.throwIfAborted();
    if (!isMachineError(error)) {
      throw error;
    }
    return { power: 'error', detail: error.message };
  }
}

function statusOf(info: MachineInfo, config: VirtualBoxConfig): DriverStatus {
  const power = powerOf(info.state);
  const detail = detailOf(info.state);
  const status = { power, ...(detail === undefined ? {} : { detail }) };
  const sshPort = forwardedPort(info, sshRule);
  const ssh = power === 'running' && sshPort !== undefined ? { ssh: { host: loopback, port: sshPort } } : {};
  const port = forwardedPort(info, engineRule);
  if (port !== undefined) {
    const url = power === 'running' ? { engineUrl: `tcp://${loopback}:${port}` } : {};
    return { ...status, address: loopback, ...ssh, ...url };
  }
  // A machine of docker-machine, whose engine is reached at its address in a host-only network.
  const { lastAddress } = config;
  return lastAddress === ''
    ? { ...status, ...ssh }
    : {
        ...status,
        address: lastAddress,
        ...ssh,
        ...(power === 'running' ? { engineUrl: `tcp://${lastAddress}:${enginePort}` } : {}),
      };
}
