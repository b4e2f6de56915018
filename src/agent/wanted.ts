import type { PortForward } from '../drivers/driver.ts';
import type { PublishedPort, RunningContainer } from '../engine/containers.ts';
import type { PublishMode } from '../machine/publish-mode.ts';

/** A port of this computer that is to lead to a published port of a container. */
export interface WantedPort {
  readonly protocol: PortForward['protocol'];
  /** The same on this computer as in the guest. */
  readonly port: number;
  /** Address of this computer. */
  readonly address: string;
  /** The address of IPv6 that goes with it: who asks for `localhost` may try that first. */
  readonly twin?: '::1' | '::';
  /** Address on which the guest has it: `any` that hypervisors reach, else itself. */
  readonly guestAddress: string;
  /** Name of the container. */
  readonly container: string;
  readonly containerPort: number;
}

/** What is wanted, and what cannot be as another container has the port already. */
export interface WantedPorts {
  readonly wanted: readonly WantedPort[];
  readonly clashes: readonly { readonly port: WantedPort; readonly holder: string }[];
}

/** What the containers of a machine want of this computer. Where two of them want the same, the first has it. */
export function wantedPorts(
  containers: readonly Pick<RunningContainer, 'name' | 'ports'>[],
  mode: PublishMode,
): WantedPorts {
  const taken = new Map<string, WantedPort>();
  const clashes: { readonly port: WantedPort; readonly holder: string }[] = [];
  const all = mode === 'none' ? [] : containers.flatMap((container) => portsOf(container, mode));
  for (const port of all) {
    const key = placeOf(port);
    const holder = taken.get(key);
    if (holder === undefined) {
      taken.set(key, port);
    } else {
      clashes.push({ port, holder: holder.container });
    }
  }
  return { wanted: [...taken.values()], clashes };
}

/** Ports with the same place are in each other's way. */
function placeOf({ protocol, port, address }: WantedPort): string {
  return `${protocol} ${String(port)} ${address.includes(':') ? 'v6' : 'v4'}`;
}

/** One for each port of the guest; the bindings of both address families belong together. */
function portsOf(
  { name, ports }: Pick<RunningContainer, 'name' | 'ports'>,
  mode: 'loopback' | 'all',
): WantedPort[] {
  const groups = new Map<string, PublishedPort[]>();
  for (const port of ports) {
    const key = `${port.protocol} ${String(port.port)} ${String(port.containerPort)}`;
    groups.set(key, [...(groups.get(key) ?? []), port]);
  }
  return [...groups.values()].flatMap((group) => {
    const addresses = new Set(group.map(({ address }) => (address === '' ? '0.0.0.0' : address)));
    return placesOf(addresses, mode).flatMap((place) =>
      group.slice(0, 1).map(({ protocol, port, containerPort }) => ({
        protocol,
        port,
        containerPort,
        container: name,
        ...place,
      })),
    );
  });
}

type Place = Pick<WantedPort, 'address' | 'guestAddress' | 'twin'>;

/**
 * The guest's own addresses mean nothing on this computer: what a container wants on one of them is found on the
 * loopback address.
 */
function placesOf(addresses: ReadonlySet<string>, mode: 'loopback' | 'all'): readonly Place[] {
  const hasAll6 = addresses.has('::');
  if (addresses.has('0.0.0.0')) {
    return [
      mode === 'loopback'
        ? { address: '127.0.0.1', twin: '::1', guestAddress: 'any' }
        : { address: '0.0.0.0', guestAddress: 'any', ...(hasAll6 ? { twin: '::' } : {}) },
    ];
  }
  if (hasAll6) {
    return [
      mode === 'loopback'
        ? { address: '127.0.0.1', twin: '::1', guestAddress: '::1' }
        : { address: '::', guestAddress: '::1' },
    ];
  }
  return [...addresses].map((guestAddress) => ({
    address: guestAddress === '::1' ? '::1' : '127.0.0.1',
    guestAddress,
  }));
}
