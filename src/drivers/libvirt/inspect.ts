import { isMachineError } from '../../core/errors.ts';
import type { DriverContext, DriverStatus } from '../driver.ts';
import { hostPortOf } from '../usernet.ts';
import type { LibvirtConfig } from './config.ts';
import { findDomain, type Domain } from './domain.ts';
import { detailOf, powerOf } from './states.ts';
import { connect } from './virsh.ts';

const loopback = '127.0.0.1';

/** Asks libvirt how the machine is. */
export async function inspectMachine(context: DriverContext<LibvirtConfig>): Promise<DriverStatus> {
  const { host, signal, config, directory } = context;
  if (config.uuid === '') {
    return { power: 'absent' };
  }
  const program = await host.processes.find('virsh');
  if (program === undefined) {
    return { power: 'error', detail: 'virsh was not found, so libvirt cannot be asked' };
  }
  try {
    const domain = await findDomain(connect({ host, program, uri: config.uri, signal }), context);
    return domain === undefined || domain.owner !== directory ? { power: 'absent' } : statusOf(domain);
  } catch (error) {
    signal.throwIfAborted();
    if (!isMachineError(error)) {
      throw error;
    }
    return { power: 'error', detail: error.message };
  }
}

function statusOf(domain: Domain): DriverStatus {
  const power = powerOf(domain.state);
  const detail = detailOf(domain.state);
  const status = { power, address: loopback, ...(detail === undefined ? {} : { detail }) };
  if (power !== 'running') {
    return status;
  }
  const sshPort = hostPortOf(domain.forwards, 22);
  const enginePort = hostPortOf(domain.forwards, 2376);
  return {
    ...status,
    ...(sshPort === undefined ? {} : { ssh: { host: loopback, port: sshPort } }),
    ...(enginePort === undefined ? {} : { engineUrl: `tcp://${loopback}:${enginePort}` }),
  };
}
