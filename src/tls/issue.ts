import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Host } from '../host/types.ts';
import { certificateLife, readCertificate, readPrivateKey } from './certificate.ts';
import { parseSubjectNames } from './names.ts';
import type { CertifiedKey, TlsKeyType } from './types.ts';
import { buildCertificate, keyLabel, keyToPem, makePrivateKey } from './x509.ts';

/** Issuing certificates. Loads the DER builder: import it when something has to be issued, not before. */

const dayMs = 24 * 60 * 60 * 1000;
const caLifeMs = 3652 * dayMs;
const leafLifeMs = 397 * dayMs;
// A guest, or this computer, whose clock is behind must not find its certificate in the future.
const backDatingMs = 2 * dayMs;

type Issuing = Pick<Host, 'clock' | 'randomBytes'>;

/** What a leaf certificate says. */
export interface LeafRequest {
  readonly purpose: 'client' | 'server';
  readonly organization: string;
  readonly commonName: string;
  /** Names and addresses, not yet checked; none for a client. */
  readonly sans: readonly string[];
}

/** Makes a key and returns it as PEM. */
export async function issueKey(type: TlsKeyType): Promise<string> {
  return keyToPem(await makePrivateKey(type));
}

/** A self-signed CA certificate (PEM) for an existing key, valid for ten years. */
export function issueCaCertificate(host: Issuing, keyPem: string, userName: string): string {
  const privateKey = readPrivateKey(keyPem, 'the CA key');
  const publicKey = createPublicKey(privateKey);
  const nowMs = host.clock.nowMs();
  return buildCertificate(
    {
      purpose: 'ca',
      organization: userName,
      commonName: `tsmachine CA ${keyLabel(publicKey)}`,
      notBeforeMs: nowMs - backDatingMs,
      notAfterMs: nowMs + caLifeMs,
      names: [],
      publicKey,
      serial: host.randomBytes(16),
    },
    { privateKey },
  );
}

/**
 * A client or server certificate (PEM) for an existing key: valid from two days ago, for 397 days in all,
 * but never longer than its CA.
 * @throws MachineError `flag-invalid` for a name that cannot stand in a certificate.
 */
export function issueLeafCertificate(
  host: Issuing,
  ca: CertifiedKey,
  keyPem: string,
  request: LeafRequest,
): string {
  const certificate = readCertificate(ca.certPem, 'ca.pem');
  const notBeforeMs = host.clock.nowMs() - backDatingMs;
  return buildCertificate(
    {
      purpose: request.purpose,
      organization: request.organization,
      commonName: request.commonName,
      notBeforeMs,
      notAfterMs: Math.min(notBeforeMs + leafLifeMs, certificateLife(certificate).notAfterMs),
      names: parseSubjectNames(request.sans),
      publicKey: publicKeyOf(keyPem),
      serial: host.randomBytes(16),
    },
    { certificate, privateKey: readPrivateKey(ca.keyPem, 'ca-key.pem') },
  );
}

function publicKeyOf(keyPem: string): KeyObject {
  return createPublicKey(readPrivateKey(keyPem, 'the private key'));
}
