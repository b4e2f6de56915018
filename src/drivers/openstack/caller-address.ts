import { BlockList, isIPv6 } from 'node:net';
import { publicAddress, rangeOfOne } from '../../cloud/public-address.ts';
import { MachineError } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';

/** From where machines are reached: an OpenStack may be in the same house, where nobody knows us by a public address. */

const privateRanges = new BlockList();
privateRanges.addSubnet('10.0.0.0', 8);
privateRanges.addSubnet('172.16.0.0', 12);
privateRanges.addSubnet('192.168.0.0', 16);
privateRanges.addSubnet('fc00::', 7, 'ipv6');

const connectTimeoutMs = 10_000;

/**
 * The range that the ports are open to: the address under which a Keystone with a private address sees this computer, else
 * the public one.
 * @throws MachineError `request-failed` when nobody tells it, or it is of the other version.
 */
export async function callerRange(
  { host, signal }: { readonly host: Host; readonly signal: AbortSignal },
  { authUrl, ipVersion }: { readonly authUrl: string; readonly ipVersion: 4 | 6 },
): Promise<string> {
  let cause: unknown;
  try {
    const address = (await insideAddress(host, authUrl, signal)) ?? (await publicAddress(host, signal));
    if ((isIPv6(address) ? 6 : 4) === ipVersion) {
      return rangeOfOne(address);
    }
  } catch (error) {
    signal.throwIfAborted();
    cause = error;
  }
  throw new MachineError('request-failed', 'Nobody knows from where the ports are to be open.', {
    why: `The address of version ${ipVersion} of this computer could not be found out.`,
    remedies: ['Name an address range: --openstack-open-to 192.0.2.0/24'],
    ...(cause === undefined ? {} : { cause }),
  });
}

async function insideAddress(host: Host, authUrl: string, signal: AbortSignal): Promise<string | undefined> {
  const url = new URL(authUrl);
  const port = url.port === '' ? (url.protocol === 'http:' ? 80 : 443) : Number(url.port);
  const address = { host: url.hostname.replace(/^\[|\]$/g, ''), port };
  try {
    const socket = await host.network.connect(address, { timeoutMs: connectTimeoutMs, signal });
    const { localAddress, remoteAddress } = socket;
    socket.destroy();
    const isInside = remoteAddress !== undefined && isPrivate(remoteAddress);
    return isInside ? localAddress?.replace(/^::ffff:/, '').replace(/%.*$/, '') : undefined;
  } catch {
    // By way of a proxy, then: whoever is reached so is outside.
    signal.throwIfAborted();
    return undefined;
  }
}

function isPrivate(address: string): boolean {
  const bare = address.replace(/^::ffff:/, '');
  return privateRanges.check(bare, isIPv6(bare) ? 'ipv6' : 'ipv4');
}
