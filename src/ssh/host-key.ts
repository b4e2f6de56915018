import { timingSafeEqual } from 'node:crypto';
import { fingerprintOf, parsePublicLine, publicLine, type SshPublicKey } from './keys.ts';

/**
 * Which host key is accepted: the one that was pinned, as a public line, and `next` while the server changes to that; one of which the user knows the
 * fingerprint (`SHA256:…`); or, where nothing is known yet, whichever comes. In the last two cases the
 * caller keeps `SshConnection.hostKey` and pins it from then on.
 */
export type HostKeyTrust =
  | { readonly pinned: string; readonly next?: string | undefined }
  | { readonly fingerprint: string }
  | { readonly firstUse: true };

/** Looks at the key that a server shows, before anything is authenticated. */
export interface HostKeyCheck {
  /** The type to ask for, where the pinned key names one. */
  readonly type: string | undefined;
  /** Strictly synchronous: ssh2 takes a promise for "yes". */
  verify(blob: Uint8Array): boolean;
  /** The key that was shown last, as a public line. */
  shown(): string | undefined;
  readonly wasRefused: () => boolean;
}

const hostKeyTypes = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
] as const;

/**
 * The checks to connect with, one after the other, until one accepts. A fingerprint does not say which of a
 * server's keys it belongs to, so each type has to be asked for.
 * @throws MachineError `certificate-invalid` when the pinned line is no public key.
 */
export function hostKeyChecks(trust: HostKeyTrust): readonly HostKeyCheck[] {
  return 'fingerprint' in trust
    ? hostKeyTypes.map((type) => hostKeyCheck(trust, type))
    : [hostKeyCheck(trust)];
}

/** Makes the check for one connection. It also runs when a connection changes its keys. */
export function hostKeyCheck(trust: HostKeyTrust, typeWanted?: string): HostKeyCheck {
  const pinned = 'pinned' in trust ? pinnedKeys(trust) : [];
  const [first, ...others] = pinned.map(({ type }) => type);
  let shown: Buffer | undefined;
  let wasRefused = false;
  return {
    type: others.every((type) => type === first) ? (first ?? typeWanted) : undefined,
    verify(blob) {
      const isSame = shown === undefined || equal(shown, blob);
      shown = Buffer.from(blob);
      const isAccepted = isSame && isTrusted(trust, pinned, shown);
      wasRefused ||= !isAccepted;
      return isAccepted;
    },
    shown: () => (shown === undefined ? undefined : publicLine(shown)),
    wasRefused: () => wasRefused,
  };
}

function pinnedKeys({ pinned, next }: { readonly pinned: string; readonly next?: string | undefined }) {
  return [pinned, ...(next === undefined ? [] : [next])].map(parsePublicLine);
}

function isTrusted(trust: HostKeyTrust, pinned: readonly SshPublicKey[], shown: Buffer): boolean {
  if ('fingerprint' in trust) {
    return equal(Buffer.from(trust.fingerprint.replace(/=+$/, '')), Buffer.from(fingerprintOf(shown)));
  }
  return 'firstUse' in trust || pinned.some(({ blob }) => equal(blob, shown));
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
