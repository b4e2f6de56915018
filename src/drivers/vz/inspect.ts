import { isMachineError, systemCode } from '../../core/errors.ts';
import type { DriverContext, DriverStatus, PowerState } from '../driver.ts';
import type { VzConfig } from './config.ts';
import { findProcess, vzFiles } from './machine.ts';
import { askState, powerOf } from './rest.ts';

/** Ports of the guest, which has an address of its own. */
const [sshPort, enginePort] = [22, 2376];

/** Asks vfkit how the machine is. */
export async function inspectMachine(context: DriverContext<VzConfig>): Promise<DriverStatus> {
  const { host, signal, config } = context;
  const files = vzFiles(context);
  if ((await host.files.stat(files.disk)) === undefined) {
    return { power: 'absent' };
  }
  const address = config.lastAddress === '' ? {} : { address: config.lastAddress };
  try {
    const power = await powerNow(context);
    return power === 'running' && config.lastAddress !== ''
      ? {
          power,
          ...address,
          ssh: { host: config.lastAddress, port: sshPort },
          engineUrl: `tcp://${config.lastAddress}:${enginePort}`,
        }
      : { power, ...address };
  } catch (error) {
    signal.throwIfAborted();
    if (!isMachineError(error)) {
      throw error;
    }
    return { power: 'error', detail: error.message };
  }
}

/**
 * The state of the machine, by whoever answers: the record of a process may be missing where a command was killed. A
 * process that does not answer yet is starting.
 */
export async function powerNow(context: DriverContext<VzConfig>): Promise<PowerState> {
  const { host, signal } = context;
  try {
    return powerOf(await askState(host, vzFiles(context).socket, signal));
  } catch (error) {
    signal.throwIfAborted();
    if (isMachineError(error) || systemCode(error) === undefined) {
      throw error;
    }
    return (await findProcess(context)) === undefined ? 'stopped' : 'starting';
  }
}

/** True when neither a process nor an answer is left of the machine. */
export async function isGone(context: DriverContext<VzConfig>): Promise<boolean> {
  return (await findProcess(context)) === undefined && (await powerNow(context)) === 'stopped';
}
