import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { MachineError } from '../core/errors.ts';

/** Reading certificates and keys, with node:crypto alone: `env`, `ls` and `start` come through here. */

const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';

/** Begin and end of a certificate, in milliseconds since the epoch. */
export interface CertificateLife {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/**
 * Reads the first certificate of a PEM text. `where` names it for people, best as a path.
 * @throws MachineError `certificate-invalid`.
 */
export function readCertificate(pem: string, where: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new MachineError('certificate-invalid', `${where} holds no certificate that can be read.`, {
      cause,
    });
  }
}

/**
 * Reads a private key: PKCS#8, PKCS#1 or SEC1 PEM without a passphrase.
 * @throws MachineError `certificate-invalid`.
 */
export function readPrivateKey(pem: string, where: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const isEncrypted = /ENCRYPTED/.test(pem);
    throw new MachineError('certificate-invalid', `${where} holds no private key that can be read.`, {
      ...(isEncrypted
        ? { why: 'The key is protected by a passphrase; neither Docker nor tsmachine can use that.' }
        : {}),
      cause,
    });
  }
}

/** When a certificate begins and ends to be valid. */
export function certificateLife(certificate: X509Certificate): CertificateLife {
  return { notBeforeMs: Date.parse(certificate.validFrom), notAfterMs: Date.parse(certificate.validTo) };
}

/** True when `certificate` was signed by `ca`. */
export function isSignedBy(certificate: X509Certificate, ca: X509Certificate): boolean {
  return certificate.checkIssued(ca) && certificate.verify(ca.publicKey);
}

/** True when a certificate may be used for this side of a TLS connection; one without a list may for both. */
export function servesPurpose(certificate: X509Certificate, side: 'client' | 'server'): boolean {
  // Node before 22 names the list `keyUsage` only; the types know that it can be missing, not when.
  const purposes = certificate.keyUsage as string[] | undefined;
  return purposes === undefined || purposes.includes(side === 'client' ? clientAuth : serverAuth);
}

/** Why a certificate should be replaced, as a half sentence; undefined while it is fine. */
export type RenewalReason =
  'unreadable' | 'other-ca' | 'wrong-purpose' | 'not-yet-valid' | 'expired' | 'due' | 'name-missing';

/**
 * Whether a leaf certificate has to be issued again: signed by another CA, for another purpose, out of its
 * time, or past two thirds of it. One that already lasts as long as its CA is not due: a new one could not
 * last longer.
 */
export function leafNeedsRenewal(
  certificate: X509Certificate,
  ca: X509Certificate,
  check: { readonly side: 'client' | 'server'; readonly nowMs: number },
): RenewalReason | undefined {
  if (!isSignedBy(certificate, ca)) {
    return 'other-ca';
  }
  if (!servesPurpose(certificate, check.side)) {
    return 'wrong-purpose';
  }
  const { notBeforeMs, notAfterMs } = certificateLife(certificate);
  if (check.nowMs < notBeforeMs) {
    return 'not-yet-valid';
  }
  if (check.nowMs > notAfterMs) {
    return 'expired';
  }
  const isPastTwoThirds = check.nowMs - notBeforeMs > ((notAfterMs - notBeforeMs) * 2) / 3;
  return isPastTwoThirds && notAfterMs < certificateLife(ca).notAfterMs ? 'due' : undefined;
}
