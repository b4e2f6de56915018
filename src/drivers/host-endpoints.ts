import { isIPv6 } from 'node:net';
import type { DriverStatus } from './driver.ts';

const enginePort = 2376;

/** How a machine is reached that is a host of its own: SSH and engine at its address. */
export function hostEndpoints(
  address: string,
  {
    sshPort,
    sshUser,
    engineTcpPort = enginePort,
  }: {
    readonly sshPort: number;
    readonly sshUser: string;
    readonly engineTcpPort?: number;
  },
): Pick<DriverStatus, 'address' | 'ssh' | 'engineUrl'> {
  return {
    address,
    ssh: { host: address, port: sshPort, user: sshUser },
    engineUrl: `tcp://${isIPv6(address) ? `[${address}]` : address}:${engineTcpPort}`,
  };
}
