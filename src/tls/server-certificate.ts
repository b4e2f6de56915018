import type { X509Certificate } from 'node:crypto';
import type { Host } from '../host/types.ts';
import { leafNeedsRenewal, readCertificate, type RenewalReason } from './certificate.ts';
import { isDnsName, parseSubjectName, parseSubjectNames } from './names.ts';
import type { Authority, CertifiedKey, TlsKeyType } from './types.ts';

/** What a machine's server certificate is for. */
export interface ServerCertificateRequest {
  readonly machineName: string;
  /** Addresses of the machine and what `--tls-san` gave. */
  readonly sans: readonly string[];
  readonly keyType: TlsKeyType;
}

/**
 * The names that a machine's certificate must hold: localhost, the loopback addresses, the machine's name
 * (unless it could be taken for an address) and the ones given.
 */
export function serverNames(machineName: string, sans: readonly string[]): string[] {
  const lower = machineName.toLowerCase();
  return ['localhost', '127.0.0.1', '::1', ...(isDnsName(lower) ? [lower] : []), ...sans];
}

/**
 * Makes a key and a certificate for a machine's engine, valid for 397 days and back-dated by 48 hours.
 * @throws MachineError `flag-invalid` for a name that cannot stand in a certificate, `certificate-invalid`
 *   when the CA cannot sign.
 */
export async function issueServerCertificate(
  host: Pick<Host, 'clock' | 'randomBytes'>,
  authority: Pick<Authority, 'ca'>,
  request: ServerCertificateRequest,
): Promise<CertifiedKey> {
  const { issueKey, issueLeafCertificate } = await import('./issue.ts');
  const sans = serverNames(request.machineName, request.sans);
  // Before the key is made: a wrong name should not cost the second of an RSA key.
  parseSubjectNames(sans);
  const keyPem = await issueKey(request.keyType);
  const certPem = issueLeafCertificate(host, authority.ca, keyPem, {
    purpose: 'server',
    organization: 'tsmachine',
    commonName: request.machineName,
    sans,
  });
  return { certPem, keyPem };
}

/**
 * Why a machine's certificate has to be issued again, or undefined while it is good. `sans` are the names
 * that clients use now; names that the certificate has beyond them do no harm.
 */
export function serverCertificateNeeds(
  certPem: string,
  caPem: string,
  need: { readonly sans: readonly string[]; readonly nowMs: number },
): RenewalReason | undefined {
  const ca = readCertificate(caPem, 'ca.pem');
  let certificate;
  try {
    certificate = readCertificate(certPem, 'server.pem');
  } catch {
    return 'unreadable';
  }
  const reason = leafNeedsRenewal(certificate, ca, { side: 'server', nowMs: need.nowMs });
  if (reason !== undefined) {
    return reason;
  }
  return need.sans.every((san) => holdsName(certificate, san)) ? undefined : 'name-missing';
}

function holdsName(certificate: X509Certificate, san: string): boolean {
  const name = parseSubjectName(san);
  if (name.kind === 'ip') {
    return certificate.checkIP(name.text) !== undefined;
  }
  // Go takes no name from the subject. A wildcard is asked for as it is written, not as a host.
  const written = certificate.subjectAltName?.split(', ') ?? [];
  return (
    written.includes(`DNS:${name.text}`) ||
    certificate.checkHost(name.text, { subject: 'never' }) !== undefined
  );
}
