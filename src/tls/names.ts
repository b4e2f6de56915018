import { isIP, isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { MachineError } from '../core/errors.ts';

/** One subject alternative name. `text` is the normal form: two names are equal when their texts are. */
export type SubjectName =
  | { readonly kind: 'dns'; readonly text: string }
  | { readonly kind: 'ip'; readonly text: string; readonly bytes: Uint8Array };

const dnsNameLengthMax = 253;
// Letters, digits, hyphens and (seen in the wild) underscores; a star may stand for the whole first label.
const dnsLabel = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * Checks and normalises a name or address for a certificate. One bad name makes Go refuse the whole
 * certificate, and with it the engine, so nothing doubtful passes. IPv6 zones are dropped (a certificate
 * cannot hold them); IPv4 addresses mapped into IPv6 become IPv4, as Go compares them so.
 * @throws MachineError `flag-invalid`.
 */
export function parseSubjectName(given: string): SubjectName {
  const address = withoutZone(given.trim());
  if (isIP(address) !== 0) {
    return addressName(address);
  }
  const lower = given.trim().toLowerCase();
  const text = isAscii(lower) ? lower : domainToASCII(lower);
  if (!isDnsName(text)) {
    throw new MachineError(
      'flag-invalid',
      `"${printable(given)}" is neither a host name nor an IP address.`,
      {
        why: 'A certificate with a malformed name would be refused as a whole by the engine and by its clients.',
        remedies: [
          'Give host names such as "build.example.com" or plain addresses without port, zone or prefix length.',
        ],
      },
    );
  }
  return { kind: 'dns', text };
}

/** The normalised names without doubles, in the order given. */
export function parseSubjectNames(given: readonly string[]): SubjectName[] {
  const byText = new Map<string, SubjectName>();
  for (const one of given) {
    const name = parseSubjectName(one);
    if (!byText.has(name.text)) {
      byText.set(name.text, name);
    }
  }
  return [...byText.values()];
}

/** True when a text can stand as a DNS name in a certificate. Names that look like addresses do not count. */
export function isDnsName(text: string): boolean {
  if (text === '' || text.length > dnsNameLengthMax) {
    return false;
  }
  const labels = text.split('.');
  if (labels[0] === '*' && labels.length > 2) {
    labels.shift();
  }
  // A last label of digits alone is how mistyped addresses look: 010.0.0.1, 256.1.1.1, 127.1.
  return labels.every((label) => dnsLabel.test(label)) && !/^[0-9]+$/.test(labels.at(-1) ?? '');
}

function withoutZone(text: string): string {
  const zone = text.indexOf('%');
  return zone !== -1 && isIPv6(text) ? text.slice(0, zone) : text;
}

function addressName(text: string): SubjectName {
  if (isIPv4(text)) {
    return { kind: 'ip', text, bytes: Uint8Array.from(text.split('.'), Number) };
  }
  const bytes = ipv6Bytes(text);
  const isMapped =
    bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (isMapped) {
    const four = bytes.subarray(12);
    return { kind: 'ip', text: four.join('.'), bytes: four };
  }
  return { kind: 'ip', text: canonicalIpv6(text), bytes };
}

// The URL parser writes every IPv6 address in the one short form of RFC 5952, without dotted quads.
function canonicalIpv6(text: string): string {
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

function ipv6Bytes(text: string): Uint8Array {
  const [head = '', tail] = canonicalIpv6(text).split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = new Array<string>(8 - before.length - after.length).fill('0');
  const groups = [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function isAscii(text: string): boolean {
  return Array.from(text).every((character) => (character.codePointAt(0) ?? 0) < 0x80);
}

function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?').slice(0, 80);
}
