import { isIPv4, isIPv6 } from 'node:net';
import { MachineError, messageOf } from '../core/errors.ts';
import type { Host } from '../host/types.ts';

/** Services that answer with the address from which they were asked, as one line of text. */
const services = ['https://checkip.amazonaws.com/', 'https://api.ipify.org/', 'https://icanhazip.com/'];
const timeoutMs = 10_000;
const answerMaxBytes = 256;

/**
 * The address by which the internet knows this computer, for a firewall that lets in nobody else.
 * @throws MachineError `request-failed` when nobody tells it.
 */
export async function publicAddress(host: Host, signal: AbortSignal): Promise<string> {
  let why = '';
  for (const url of services) {
    try {
      const { status, body } = await host.http.request({
        method: 'GET',
        url,
        timeoutMs,
        sizeMaxBytes: answerMaxBytes,
        signal,
      });
      const address = body.trim();
      if (status === 200 && (isIPv4(address) || isIPv6(address))) {
        return address;
      }
      why = `${url} answered with status ${status} and no address`;
    } catch (error) {
      signal.throwIfAborted();
      why = messageOf(error);
    }
  }
  throw new MachineError('request-failed', 'The public address of this computer could not be found out.', {
    why: `${why}.`,
  });
}

/**
 * The range that ports are open to where nobody has said another: this computer alone.
 * @param flag by which one is said, for the advice
 * @throws MachineError `request-failed` when nobody tells the address.
 */
export async function callerRange(
  { host, signal }: { readonly host: Host; readonly signal: AbortSignal },
  flag: string,
): Promise<string> {
  try {
    return rangeOfOne(await publicAddress(host, signal));
  } catch (error) {
    signal.throwIfAborted();
    throw new MachineError('request-failed', 'Nobody knows from where the ports are to be open.', {
      why: 'The public address of this computer could not be found out.',
      remedies: [`Name an address range: --${flag} 192.0.2.0/24`],
      cause: error,
    });
  }
}

/** An address as a range of one: `192.0.2.1/32`. */
export function rangeOfOne(address: string): string {
  return `${address}/${isIPv6(address) ? 128 : 32}`;
}

/** True for an address range in the form of CIDR, of either version. */
export function isRange(text: string): boolean {
  const [address = '', prefix = '', ...rest] = text.split('/');
  const longest = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  return rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= longest && !address.includes('%');
}
