/** An IPv4 network with an address in it: this computer's place in a host-only network. */
export interface HostAddress {
  readonly address: string;
  readonly prefix: number;
  readonly netmask: string;
  /** The network's first address, as a number. */
  readonly network: number;
  readonly broadcast: number;
}

/** Host-only networks must leave room for this computer, a DHCP server and machines. */
const prefixMax = 29;
const prefixMin = 8;

/** A text like `192.168.56.1/24`; undefined when it is none. */
export function parseCidr(text: string): HostAddress | undefined {
  const [address = '', length = '', ...rest] = text.split('/');
  const value = parseAddress(address);
  const prefix = /^\d{1,2}$/.test(length) ? Number(length) : -1;
  if (value === undefined || rest.length > 0 || prefix < 0 || prefix > 32) {
    return undefined;
  }
  const mask = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
  const network = (value & mask) >>> 0;
  return { address, prefix, netmask: formatAddress(mask), network, broadcast: (network | ~mask) >>> 0 };
}

/** What is wrong with a text as this computer's address in a host-only network; undefined when nothing is. */
export function hostOnlyFault(text: string): string | undefined {
  const parsed = parseCidr(text);
  if (parsed === undefined) {
    return 'It must be an IPv4 address with a prefix, such as 192.168.56.1/24';
  }
  if (parsed.prefix < prefixMin || parsed.prefix > prefixMax) {
    return `The prefix must be between ${prefixMin} and ${prefixMax}`;
  }
  const value = parseAddress(parsed.address);
  if (value === parsed.network || value === parsed.broadcast) {
    return 'host-only cidr must be specified with a host address, not a network address';
  }
  return undefined;
}

/** The four numbers of an address as one. */
export function parseAddress(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** The text of an address. */
export function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
}

/** True when the whole inner network lies in the outer one. */
export function contains(outer: HostAddress, inner: HostAddress): boolean {
  return outer.network <= inner.network && inner.broadcast <= outer.broadcast;
}
