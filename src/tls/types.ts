/** Kinds of keys that are made: P-256, or RSA with 3072 bits for clients that know nothing newer. */
export type TlsKeyType = 'ec' | 'rsa';

/** A certificate and its private key, both PEM. */
export interface CertifiedKey {
  readonly certPem: string;
  readonly keyPem: string;
}

/** The CA of a store and the certificate with which its user's clients show themselves. */
export interface Authority {
  readonly ca: CertifiedKey;
  readonly client: CertifiedKey;
}
