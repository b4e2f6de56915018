import { systemCode } from '../core/errors.ts';
import type { Host, PortAddress } from '../host/types.ts';

/** Ports below are for administrators on most systems. */
const privilegedBelow = 1024;

/** Why a port of this computer cannot be taken, from the system's error; undefined for errors that say nothing of it. */
export function takenReason(code: string | undefined, { host, port }: PortAddress): string | undefined {
  switch (code) {
    case 'EADDRINUSE':
      return `another program on this computer has port ${String(port)}`;
    case 'EACCES':
      return port < privilegedBelow
        ? `this computer lets only administrators take ports below ${String(privilegedBelow)}`
        : `this computer does not let port ${String(port)} be taken`;
    case 'EADDRNOTAVAIL':
      return `this computer has no address ${host}`;
    default:
      return undefined;
  }
}

/** Tries to take a port and says why that fails; undefined when it does not. */
export async function whyTaken(
  { network }: Pick<Host, 'network'>,
  protocol: 'tcp' | 'udp',
  address: PortAddress,
): Promise<string | undefined> {
  try {
    const listener = await (protocol === 'udp'
      ? network.bindDatagrams(address, () => undefined)
      : network.listenAt(address, (socket) => {
          socket.destroy();
        }));
    await listener.close();
    return undefined;
  } catch (error) {
    return takenReason(systemCode(error), address);
  }
}
