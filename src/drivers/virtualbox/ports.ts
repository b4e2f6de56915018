import type { Host } from '../../host/types.ts';
import { engineRule, sshRule } from './commands.ts';
import type { MachineInfo } from './output.ts';

/** Ports inside the guest. */
const guestPorts = { [sshRule]: 22, [engineRule]: 2376 } as const;

/** A rule with the host port that it is to have. */
export interface WantedRule {
  readonly name: string;
  readonly hostPort: number;
  readonly guestPort: number;
}

/** Host ports that nobody else on this computer is given until they are released. */
export interface ReservedPorts {
  readonly rules: readonly WantedRule[];
  release(): Promise<void>;
}

/** Machines of docker-machine have their engine at an address of their own, for which its certificate was made. */
function rulesOf(info: MachineInfo, isOurs: boolean): [string, number][] {
  const hasEngine = isOurs || info.forwardings.some(({ name }) => name === engineRule);
  return Object.entries(guestPorts).filter(([name]) => hasEngine || name !== engineRule);
}

/**
 * Finds host ports for SSH and engine: the last ones if they are free, else such as the system hands out. Those are
 * held until the moment before VirtualBox opens them.
 */
export async function reservePorts(
  host: Host,
  info: MachineInfo,
  options: {
    /** The machine was made by this driver. */
    readonly isOurs: boolean;
    /** False for ports other than the last ones. */
    readonly keep: boolean;
  },
): Promise<ReservedPorts> {
  const held: { close(): Promise<void> }[] = [];
  const release = async (): Promise<void> => {
    await Promise.all(held.splice(0).map(async (one) => one.close()));
  };
  try {
    const rules: WantedRule[] = [];
    for (const [name, guestPort] of rulesOf(info, options.isOurs)) {
      const last = info.forwardings.find((rule) => rule.name === name)?.hostPort;
      let hostPort = options.keep && last !== undefined && (await host.network.isPortFree(last)) ? last : 0;
      if (hostPort === 0) {
        const listener = await host.network.listen((socket) => socket.destroy());
        held.push(listener);
        hostPort = listener.port;
      }
      rules.push({ name, hostPort, guestPort });
    }
    return { rules, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** The host port of a rule on the loopback address, as VirtualBox tells it. */
export function forwardedPort(info: MachineInfo, rule: string): number | undefined {
  return info.forwardings.find(
    ({ name, hostAddress, protocol }) =>
      name === rule && protocol === 'tcp' && (hostAddress === '127.0.0.1' || hostAddress === ''),
  )?.hostPort;
}
