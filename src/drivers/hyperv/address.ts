import { isIPv4 } from 'node:net';
import type { MachineFacts } from './output.ts';

/**
 * The IPv4 address of a machine: the first that its guest tells, else one that this computer has seen. Addresses of IPv6
 * are never taken: those that guests tell first lead nowhere from other networks.
 */
export function addressOf({ addresses, seen }: Pick<MachineFacts, 'addresses' | 'seen'>): string | undefined {
  return [...addresses, ...seen].find(isUsable);
}

/** True for an IPv4 address at which a machine can be reached: no address of a link alone, or of a group. */
export function isUsable(address: string): boolean {
  return isIPv4(address) && !/^(?:0\.|169\.254\.|2(?:2[4-9]|[3-5]\d)\.)/.test(address);
}
