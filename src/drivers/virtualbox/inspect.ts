import { isMachineError } from '../../core/errors.ts';
import type { DriverContext, DriverStatus } from '../driver.ts';
import { parseAddress } from './address.ts';
import { engineRule, sshRule } from './commands.ts';
import type { VirtualBoxConfig } from './config.ts';
import { findVBoxManage } from './find.ts';
import { findMachine, machineFiles } from './machine.ts';
import { parseExtraData, type MachineInfo } from './output.ts';
import { forwardedPort } from './ports.ts';
import { detailOf, powerOf } from './states.ts';
import { connect, type VBoxManage } from './vboxmanage.ts';

const loopback = '127.0.0.1';
/** Where machines of docker-machine have their engine, at an address of their own. */
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
    const vbox = connect(host, program, signal);
    const found = await findMachine(vbox, context);
    if (found.kind === 'machine') {
      return await statusOf(vbox, found.info, config);
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

async function statusOf(
  vbox: VBoxManage,
  info: MachineInfo,
  config: VirtualBoxConfig,
): Promise<DriverStatus> {
  const power = powerOf(info.state);
  const isRunning = power === 'running';
  const detail = detailOf(info.state);
  const sshPort = forwardedPort(info, sshRule);
  const status = {
    power,
    ...(detail === undefined ? {} : { detail }),
    ...(isRunning && sshPort !== undefined ? { ssh: { host: loopback, port: sshPort } } : {}),
  };
  const forwarded = forwardedPort(info, engineRule);
  if (forwarded !== undefined) {
    const url = isRunning ? { engineUrl: `tcp://${loopback}:${forwarded}` } : {};
    return { ...status, address: loopback, ...url };
  }
  const address = isRunning ? await ownAddress(vbox, info.uuid, config) : config.lastAddress;
  const url = isRunning && address !== '' ? { engineUrl: `tcp://${address}:${enginePort}` } : {};
  return { ...status, ...(address === '' ? {} : { address }), ...url };
}

/** Address of a machine of docker-machine in its host-only network: as its guest tells, else as it was last. */
async function ownAddress(
  vbox: VBoxManage,
  uuid: string,
  { lastAddress }: VirtualBoxConfig,
): Promise<string> {
  const { stdout } = await vbox.ask(['guestproperty', 'get', uuid, '/VirtualBox/GuestInfo/Net/1/V4/IP']);
  const told = parseExtraData(stdout) ?? '';
  return parseAddress(told) === undefined ? lastAddress : told;
}
