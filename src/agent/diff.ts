import type { PortForward } from '../drivers/driver.ts';

/** What turns the forwards that are there into those that are wanted. */
export interface ForwardChange {
  readonly remove: readonly PortForward[];
  readonly add: readonly PortForward[];
}

/** The smallest change; what is there and wanted is not touched, so its connections go on. */
export function diffForwards(present: readonly PortForward[], wanted: readonly PortForward[]): ForwardChange {
  const presentKeys = new Set(present.map(forwardKey));
  const wantedKeys = new Set(wanted.map(forwardKey));
  return {
    remove: present.filter((forward) => !wantedKeys.has(forwardKey(forward))),
    add: wanted.filter((forward) => !presentKeys.has(forwardKey(forward))),
  };
}

/** Tells forwards apart. */
export function forwardKey({ protocol, hostAddress, hostPort, guestPort }: PortForward): string {
  return `${protocol} ${hostAddress} ${String(hostPort)} ${String(guestPort)}`;
}
