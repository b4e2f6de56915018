import { isMachineError, MachineError, messageOf, systemCode } from '../core/errors.ts';
import type { ErrorCode } from '../core/codes.ts';
import type { TlsMaterial } from '../host/types.ts';
import { clientTrouble, lifeTrouble } from './material.ts';

/** What keeps the engine from answering; in `facts.trouble` of the error. */
export type EngineTrouble =
  | 'port-closed'
  | 'host-unreachable'
  | 'name-unknown'
  | 'no-answer'
  | 'closed-early'
  | 'not-tls'
  | 'bad-material'
  | 'wrong-ca'
  | 'server-expired'
  | 'server-not-yet-valid'
  | 'ca-expired'
  | 'ca-not-yet-valid'
  | 'server-name'
  | 'server-purpose'
  | 'client-refused'
  | 'client-other-ca'
  | 'client-purpose'
  | 'client-expired'
  | 'client-not-yet-valid'
  | 'other';

/** What is known about the attempt that failed. */
export interface EngineAttempt {
  readonly url: string;
  readonly material: TlsMaterial | undefined;
  readonly timeoutMs: number;
  /** Wall clock of this computer. */
  readonly nowMs: number;
  /** Whether this side of the TLS handshake was done when it failed. */
  readonly isHandshakeDone: boolean;
}

/** A cause with its words. */
export interface Diagnosis {
  readonly code: ErrorCode;
  readonly trouble: EngineTrouble;
  readonly what: string;
  readonly why: string;
  readonly remedies?: readonly string[];
}

const reissueRemedy =
  'Give the machine new certificates, which interrupts nothing: tsmachine regenerate-certs NAME';

/**
 * Turns whatever a connection to an engine threw into an error that names the cause; Docker's own clients
 * say "EOF" for many of these. `facts.trouble` is the cause for programs,
 * `facts.isHandshakeDone` says whether the connection stood. A MachineError passes unchanged.
 */
export function diagnoseTls(error: unknown, attempt: EngineAttempt): MachineError {
  if (isMachineError(error)) {
    return error;
  }
  const found =
    networkDiagnosis(error, attempt) ??
    serverDiagnosis(error, attempt) ??
    refusalDiagnosis(error, attempt) ??
    otherDiagnosis(error, attempt);
  return new MachineError(found.code, found.what, {
    why: found.why,
    ...(found.remedies === undefined ? {} : { remedies: found.remedies }),
    facts: {
      trouble: found.trouble,
      url: attempt.url,
      systemCode: systemCode(error),
      isHandshakeDone: attempt.isHandshakeDone,
    },
    cause: error,
  });
}

// System errors of sockets (errno names). A connection that is cut has several meanings: refusalDiagnosis.
const networkCauses: Readonly<Record<string, readonly [EngineTrouble, string]>> = {
  ECONNREFUSED: ['port-closed', 'Nothing listens on the port: the machine or its engine is not running.'],
  ENOENT: ['port-closed', 'The socket does not exist: the engine is not running.'],
  EHOSTUNREACH: [
    'host-unreachable',
    'No way leads to the address: the machine is off, or a network is not connected.',
  ],
  EHOSTDOWN: [
    'host-unreachable',
    'No way leads to the address: the machine is off, or a network is not connected.',
  ],
  ENETUNREACH: ['host-unreachable', 'This computer is not connected to the network of the machine.'],
  ENOTFOUND: ['name-unknown', 'The host name cannot be resolved.'],
  EAI_AGAIN: ['name-unknown', 'The host name cannot be resolved at the moment.'],
};

function networkDiagnosis(error: unknown, attempt: EngineAttempt): Diagnosis | undefined {
  const code = systemCode(error) ?? '';
  const what = `The engine at ${attempt.url} cannot be reached.`;
  const known = networkCauses[code];
  if (known !== undefined) {
    return { code: 'engine-unreachable', trouble: known[0], what, why: known[1] };
  }
  if (code === 'ETIMEDOUT') {
    const why = `There was no answer within ${attempt.timeoutMs / 1000} s.`;
    return { code: 'engine-unreachable', trouble: 'no-answer', what, why };
  }
  return undefined;
}

interface ServerCause {
  readonly trouble: EngineTrouble;
  readonly what: (url: string) => string;
  readonly why: string;
  readonly remedies?: readonly string[];
}

const otherCa: ServerCause = {
  trouble: 'wrong-ca',
  what: (url) => `The engine at ${url} shows a certificate of another CA.`,
  why: 'It was set up from another store, its certificates were replaced, or something else answers on this port.',
};
const notTls: ServerCause = {
  trouble: 'not-tls',
  what: (url) => `What listens at ${url} does not speak TLS.`,
  why: 'It is another program, or an engine without TLS.',
  remedies: ['Look which program listens on this port.'],
};

// Names of OpenSSL's verification results (X509_V_ERR_…) and error reasons as Node gives them.
const serverCauses: Readonly<Record<string, ServerCause>> = {
  SELF_SIGNED_CERT_IN_CHAIN: otherCa,
  DEPTH_ZERO_SELF_SIGNED_CERT: otherCa,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: otherCa,
  UNABLE_TO_GET_ISSUER_CERT: otherCa,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: otherCa,
  CERT_SIGNATURE_FAILURE: otherCa,
  CERT_UNTRUSTED: otherCa,
  INVALID_CA: otherCa,
  CERT_HAS_EXPIRED: {
    trouble: 'server-expired',
    what: (url) => `The certificate of the engine at ${url} has expired.`,
    why: 'It was not renewed in time; or the clock of this computer is ahead.',
    remedies: [reissueRemedy],
  },
  CERT_NOT_YET_VALID: {
    trouble: 'server-not-yet-valid',
    what: (url) => `The certificate of the engine at ${url} is not valid yet.`,
    why: 'The clock of this computer is behind, or was ahead when the certificate was issued.',
    remedies: ['Set the clock of this computer.', reissueRemedy],
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    trouble: 'server-name',
    what: (url) => `The certificate of the engine does not name the address in ${url}.`,
    why: 'The address of the machine has changed since the certificate was issued.',
    remedies: [reissueRemedy],
  },
  INVALID_PURPOSE: {
    trouble: 'server-purpose',
    what: (url) => `The engine at ${url} shows a certificate that is not for servers.`,
    why: 'Another certificate was put in the place of its own.',
    remedies: [reissueRemedy],
  },
  ERR_SSL_WRONG_VERSION_NUMBER: notTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: notTls,
  ERR_SSL_HTTP_REQUEST: notTls,
};

function serverDiagnosis(error: unknown, attempt: EngineAttempt): Diagnosis | undefined {
  const cause = serverCauses[systemCode(error) ?? ''];
  if (cause === undefined) {
    return undefined;
  }
  // An expired CA is reported by the same code as an expired certificate below it.
  const caDiagnosis =
    attempt.material === undefined ? undefined : lifeTrouble(attempt.material.ca, 'ca', attempt.nowMs);
  if (caDiagnosis !== undefined && /^server-(expired|not-yet-valid)$/.test(cause.trouble)) {
    return caDiagnosis;
  }
  return {
    code: 'tls-mismatch',
    trouble: cause.trouble,
    what: cause.what(attempt.url),
    why: cause.trouble === 'server-name' ? namesOf(error, cause.why) : cause.why,
    ...(cause.remedies === undefined ? {} : { remedies: cause.remedies }),
  };
}

// OpenSSL 3.2 renamed the reasons from SSLV3_ALERT_… and TLSV1_ALERT_… to SSL/TLS_ALERT_….
const refusingAlert =
  /_ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_[A-Z]+|HANDSHAKE_FAILURE|ACCESS_DENIED|DECRYPT_ERROR)$/;

/**
 * The server refused the client's certificate, or just hung up. With TLS 1.3 it looks at that certificate
 * when the client's handshake is done, so a refusal arrives at the first read: as an alert, or as a closed
 * connection when that overtakes the alert. Some servers hang up without an alert in any version.
 */
function refusalDiagnosis(error: unknown, attempt: EngineAttempt): Diagnosis | undefined {
  const code = systemCode(error) ?? '';
  const isRefused = refusingAlert.test(code);
  if (!isRefused && !isCut(code)) {
    return undefined;
  }
  const own = attempt.material === undefined ? undefined : clientTrouble(attempt.material, attempt.nowMs);
  if (own !== undefined) {
    return own;
  }
  if (isRefused) {
    return {
      code: 'tls-mismatch',
      trouble: 'client-refused',
      what: `The engine at ${attempt.url} refuses the client certificate.`,
      why: code.endsWith('_EXPIRED')
        ? 'For the machine the certificate has expired, while for this computer it is valid: one of the two clocks is wrong.'
        : 'The certificate is in order here, so the machine trusts another CA, or its clock is wrong.',
    };
  }
  return {
    code: 'engine-unreachable',
    trouble: 'closed-early',
    what: `The engine at ${attempt.url} closed the connection without an answer.`,
    why: attempt.isHandshakeDone
      ? 'It is being restarted, or it does not accept the client certificate.'
      : 'The machine runs, but its engine is not ready or has failed, or it trusts another CA for clients.',
  };
}

function otherDiagnosis(error: unknown, attempt: EngineAttempt): Diagnosis {
  // Errors of reading PEM and of key and certificate that do not fit: before anything was sent.
  if (/^ERR_(OSSL|CRYPTO|INVALID_ARG)/.test(systemCode(error) ?? '')) {
    return {
      code: 'certificate-invalid',
      trouble: 'bad-material',
      what: 'The client certificate or its key cannot be used.',
      why: messageOf(error),
      remedies: ['Issue it again: tsmachine regenerate-certs --client-certs NAME'],
    };
  }
  return {
    code: 'engine-unreachable',
    trouble: 'other',
    what: `The connection to the engine at ${attempt.url} failed.`,
    why: messageOf(error),
  };
}

function isCut(code: string): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ECONNABORTED';
}

// Node attaches the certificate to an error about names.
function namesOf(error: unknown, fallback: string): string {
  const names: unknown = (error as { cert?: { subjectaltname?: unknown } }).cert?.subjectaltname;
  return typeof names === 'string' && names !== '' ? `${fallback} It names: ${names}` : fallback;
}
