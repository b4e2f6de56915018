import { X509Certificate } from 'node:crypto';
import { messageOf, systemCode } from '../../core/errors.ts';
import type { Files, Host } from '../../host/types.ts';

/** A certificate that signs others, or a server's own, and where it was found. */
export interface Authority {
  /** As its subject calls itself, for people. */
  readonly name: string;
  readonly pem: string;
  readonly from: string;
}

/** A bundle of everything that the web trusts has a quarter of this. */
const fileBytesMax = 1024 * 1024;
const pemBlock = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** The certificates in a file's content: PEM, with anything between them, or a single one in DER. Broken ones are left out. */
export function certificatesIn(content: Uint8Array, from: string): Authority[] {
  const text = new TextDecoder().decode(content);
  const blocks = text.match(pemBlock);
  return [...(blocks ?? [content])].flatMap((block) => parse(block, from));
}

function parse(block: string | Uint8Array, from: string): Authority[] {
  try {
    const certificate = new X509Certificate(block);
    return [{ name: nameOf(certificate), pem: certificate.toString(), from }];
  } catch {
    return [];
  }
}

function nameOf({ subject, fingerprint256 }: X509Certificate): string {
  const field = (key: string): string | undefined => new RegExp(`^${key}=(.+)$`, 'm').exec(subject)?.[1];
  const name = field('CN') ?? field('O') ?? field('OU') ?? fingerprint256;
  return name.replace(/\p{Cc}/gu, ' ').slice(0, 100);
}

/** Each certificate once, the first place where it was found counts. */
export function uniqueAuthorities(authorities: readonly Authority[]): Authority[] {
  const byPem = new Map<string, Authority>();
  for (const authority of authorities) {
    if (!byPem.has(authority.pem)) {
      byPem.set(authority.pem, authority);
    }
  }
  return [...byPem.values()];
}

/** A file's certificates, or why there are none. */
export type CertificateFile = readonly Authority[] | { readonly problem: string };

/** Reads a file that somebody has named. */
export async function readCertificateFile(host: Host, path: string): Promise<CertificateFile> {
  let content: Uint8Array;
  try {
    content = await readSmallFile(host.files, path);
  } catch (error) {
    const reason = systemCode(error) === 'ENOENT' ? 'it is not there' : messageOf(error);
    return { problem: reason };
  }
  const found = certificatesIn(content, path);
  return found.length === 0 ? { problem: 'there is no certificate in it' } : found;
}

/** @throws the system's error, and an Error for a file that is too large. */
export async function readSmallFile(files: Files, path: string): Promise<Uint8Array> {
  const content = await files.readRange(path, 0, fileBytesMax + 1);
  if (content.length > fileBytesMax) {
    throw new Error(`it is larger than ${fileBytesMax} bytes`);
  }
  return content;
}
