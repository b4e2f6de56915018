import { X509Certificate } from 'node:crypto';
import type { TlsMaterial } from '../host/types.ts';
import { certificateLife, isSignedBy, servesPurpose } from '../tls/certificate.ts';
import type { Diagnosis } from './diagnose.ts';

const clientRemedy = 'Issue it again: tsmachine regenerate-certs --client-certs NAME';
const clockRemedy = 'If the date above is not wrong, set the clock of this computer.';

/** What is wrong with the client certificate as far as it can be seen from here. */
export function clientTrouble(material: TlsMaterial, nowMs: number): Diagnosis | undefined {
  const certificate = tryRead(material.cert);
  const ca = tryRead(material.ca);
  if (certificate === undefined || ca === undefined) {
    return undefined;
  }
  const mismatch = { code: 'tls-mismatch', remedies: [clientRemedy] } as const;
  const what = 'The engine refuses the client certificate.';
  if (!isSignedBy(certificate, ca)) {
    return {
      ...mismatch,
      trouble: 'client-other-ca',
      what,
      why: 'It was not issued by the CA that is beside it.',
    };
  }
  if (!servesPurpose(certificate, 'client')) {
    return { ...mismatch, trouble: 'client-purpose', what, why: 'It is not a certificate for clients.' };
  }
  return lifeTrouble(material.cert, 'client', nowMs) ?? lifeTrouble(material.ca, 'ca', nowMs);
}

/** Whether a certificate is out of its time. */
export function lifeTrouble(pem: string, role: 'ca' | 'client', nowMs: number): Diagnosis | undefined {
  const certificate = tryRead(pem);
  if (certificate === undefined) {
    return undefined;
  }
  const { notBeforeMs, notAfterMs } = certificateLife(certificate);
  const name = role === 'ca' ? 'The certificate of the CA' : 'The client certificate';
  if (nowMs > notAfterMs) {
    return {
      code: 'tls-mismatch',
      trouble: `${role}-expired`,
      what: `${name} has expired.`,
      why: `It was valid until ${day(notAfterMs)}; today is ${day(nowMs)} by the clock of this computer.`,
      remedies:
        role === 'ca'
          ? ['Make a new CA and create the machine again.', clockRemedy]
          : [clientRemedy, clockRemedy],
    };
  }
  if (nowMs < notBeforeMs) {
    return {
      code: 'tls-mismatch',
      trouble: `${role}-not-yet-valid`,
      what: `${name} is not valid yet.`,
      why: `It is valid from ${day(notBeforeMs)}; today is ${day(nowMs)} by the clock of this computer.`,
      remedies: ['Set the clock of this computer.'],
    };
  }
  return undefined;
}

function tryRead(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function day(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}
