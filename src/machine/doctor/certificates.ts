import type { X509Certificate } from 'node:crypto';
import type { Host } from '../../host/types.ts';
import { certificateLife, isSignedBy, readCertificate, readPrivateKey } from '../../tls/certificate.ts';
import { found, type Found } from './findings.ts';

const dayMs = 24 * 60 * 60 * 1000;
/** How long before its end a certificate is spoken of. */
const noticeDays = { ca: 90, leaf: 30 } as const;

/** A certificate and what lies beside it. */
export interface CertificateFiles {
  readonly path: string;
  readonly role: keyof typeof noticeDays;
  /** Absent where the key is not to be looked at. */
  readonly keyPath?: string;
  /** The CA that has to have issued it. */
  readonly caPath?: string;
  /** What to do when the certificate is not as it should be. */
  readonly remedies: readonly string[];
}

/** Whether a certificate can be read, is in its time, and fits its CA and its key; nothing where there is none. */
export async function examineCertificate(host: Host, files: CertificateFiles): Promise<Found[]> {
  const { path, caPath, keyPath, remedies } = files;
  const pem = await textOf(host, path);
  if (pem === undefined) {
    return [];
  }
  const certificate = tryRead(pem, path);
  if (certificate === undefined) {
    return [found('certificate-unreadable', { path }, remedies)];
  }
  const caPem = caPath === undefined ? undefined : await textOf(host, caPath);
  const ca = caPem === undefined ? undefined : tryRead(caPem, caPath ?? '');
  return [
    examineLife(host, certificate, files),
    ...(ca === undefined || isSignedBy(certificate, ca)
      ? []
      : [found('certificate-other-ca', { path }, remedies)]),
    ...(keyPath === undefined ? [] : await examineKey(host, certificate, { ...files, keyPath })),
  ];
}

function examineLife(host: Host, certificate: X509Certificate, files: CertificateFiles): Found {
  const { path, role, remedies } = files;
  const { notBeforeMs, notAfterMs } = certificateLife(certificate);
  const nowMs = host.clock.nowMs();
  const days = Math.floor((notAfterMs - nowMs) / dayMs);
  const day = dayOf(notAfterMs);
  if (nowMs < notBeforeMs) {
    return found('certificate-early', { path, day: dayOf(notBeforeMs), today: dayOf(nowMs) });
  }
  if (days < 0) {
    return found('certificate-ended', { path, day }, remedies);
  }
  return days < noticeDays[role]
    ? found('certificate-ends', { path, days, day }, remedies)
    : found('certificate', { path, days });
}

async function examineKey(
  host: Host,
  certificate: X509Certificate,
  { path, keyPath, role, remedies }: CertificateFiles & { readonly keyPath: string },
): Promise<Found[]> {
  const pem = await textOf(host, keyPath);
  if (pem === undefined) {
    return [
      role === 'ca'
        ? found('ca-key-missing', { path: keyPath })
        : found('certificate-key-missing', { path, keyPath }, remedies),
    ];
  }
  try {
    const isItsKey = certificate.checkPrivateKey(readPrivateKey(pem, keyPath));
    return isItsKey ? [] : [found('certificate-other-key', { path, keyPath }, remedies)];
  } catch {
    return [found('certificate-other-key', { path, keyPath }, remedies)];
  }
}

async function textOf(host: Host, path: string): Promise<string | undefined> {
  return host.files.readText(path).catch(() => undefined);
}

function tryRead(pem: string, path: string): X509Certificate | undefined {
  try {
    return readCertificate(pem, path);
  } catch {
    return undefined;
  }
}

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}
