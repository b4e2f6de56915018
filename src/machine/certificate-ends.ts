import type { TlsMaterial } from '../host/types.ts';
import { certificateLife, readCertificate } from '../tls/certificate.ts';

const dayMs = 24 * 60 * 60 * 1000;
/** How long before its end a certificate is spoken of. */
const leafNoticeDays = 30;
const caNoticeDays = 90;

/** Knows the ends of the certificates that it has seen: most machines of a store have the same CA and client. */
export interface CertificateEnds {
  /** A sentence about the first certificate that ends soon; undefined when none does. */
  warning(
    machine: string,
    certificates: Pick<TlsMaterial, 'ca' | 'cert'> & { readonly server: string | undefined },
  ): string | undefined;
}

/** @param nowMs wall clock */
export function createCertificateEnds(nowMs: number): CertificateEnds {
  const ends = new Map<string, number | undefined>();
  const endOf = (pem: string): number | undefined => {
    if (!ends.has(pem)) {
      ends.set(pem, readEnd(pem));
    }
    return ends.get(pem);
  };
  return {
    warning: (machine, { ca, cert, server }) => {
      const renew = `: tsmachine regenerate-certs ${machine}`;
      const renewClient = `: tsmachine regenerate-certs --client-certs ${machine}`;
      for (const [what, pem, days, remedy] of [
        ['server certificate', server, leafNoticeDays, renew],
        ['client certificate', cert, leafNoticeDays, renewClient],
        ['certificate of the CA', ca, caNoticeDays, ''],
      ] as const) {
        const endMs = pem === undefined ? undefined : endOf(pem);
        if (endMs !== undefined && endMs - nowMs < days * dayMs) {
          return `The ${what} ${describeEnd(endMs, nowMs)}${remedy}`;
        }
      }
      return undefined;
    },
  };
}

function describeEnd(endMs: number, nowMs: number): string {
  const day = new Date(endMs).toISOString().slice(0, 10);
  const days = Math.floor((endMs - nowMs) / dayMs);
  if (days < 0) {
    return `has ended on ${day}`;
  }
  return days === 1 ? `ends in 1 day (${day})` : `ends in ${days} days (${day})`;
}

/** A file that is no certificate is somebody else's to complain about. */
function readEnd(pem: string): number | undefined {
  try {
    return certificateLife(readCertificate(pem, 'a certificate')).notAfterMs;
  } catch {
    return undefined;
  }
}
