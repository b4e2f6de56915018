import {
  createHash,
  createPublicKey,
  generateKeyPair,
  sign as signBytes,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import { promisify } from 'node:util';
import { MachineError } from '../core/errors.ts';
import * as der from './der.ts';
import type { SubjectName } from './names.ts';
import type { TlsKeyType } from './types.ts';

/** Everything that goes into a certificate. Times in milliseconds since the epoch, cut to seconds. */
export interface CertificateSpec {
  readonly purpose: 'ca' | 'client' | 'server';
  readonly organization: string;
  readonly commonName: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Subject alternative names; none for a CA or client. */
  readonly names: readonly SubjectName[];
  readonly publicKey: KeyObject;
  /** 16 random bytes. */
  readonly serial: Uint8Array;
}

/** Who signs. Without a certificate the result is self-signed. */
export interface Signer {
  readonly certificate?: X509Certificate;
  readonly privateKey: KeyObject;
}

const serialSizeBytes = 16;
// ub-organization-name and ub-common-name of RFC 5280, appendix A.
const nameLengthMax = 64;

const oids = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  sha256WithRsa: '1.2.840.113549.1.1.11',
} as const;

// Bits of KeyUsage (RFC 5280, 4.2.1.3), the first of them being the highest of the octet.
const usageBits = {
  digitalSignature: 0x80,
  keyEncipherment: 0x20,
  keyCertSign: 0x04,
  cRLSign: 0x02,
} as const;

/** Makes a private key. An RSA key takes about a second of another thread; the event loop goes on. */
export async function makePrivateKey(type: TlsKeyType): Promise<KeyObject> {
  const { privateKey } =
    type === 'ec'
      ? await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
      : await promisify(generateKeyPair)('rsa', { modulusLength: 3072 });
  return privateKey;
}

/**
 * A private key as PEM with LF line ends. EC keys are PKCS#8; RSA keys are PKCS#1, the form that the old
 * clients read for whose sake there are RSA keys at all.
 */
export function keyToPem(privateKey: KeyObject): string {
  const type = privateKey.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'pkcs8';
  return String(privateKey.export({ type, format: 'pem' }));
}

/** A name for a CA that tells it apart from others of the same user: the begin of its key's identifier. */
export function keyLabel(publicKey: KeyObject): string {
  return keyIdentifier(publicKey).toString('hex').slice(0, 8);
}

/**
 * Builds and signs an X.509 v3 certificate (RFC 5280) with SHA-256 and returns it as PEM. The result has
 * been checked against its issuer by node:crypto.
 * @throws MachineError `certificate-invalid` when the signer's key or certificate cannot sign it.
 */
export function buildCertificate(spec: CertificateSpec, signer: Signer): string {
  const issuer = signer.certificate;
  const subject = nameNode(spec);
  const algorithm = signatureAlgorithm(signer.privateKey);
  const tbs = der.sequence([
    // The tag [0] holds the version; 2 means v3.
    der.context(0, [der.integer(Uint8Array.of(2))]),
    der.integer(serialBytes(spec.serial)),
    algorithm,
    issuer === undefined ? subject : readTbs(issuer).subject,
    der.sequence([der.time(spec.notBeforeMs), der.time(spec.notAfterMs)]),
    subject,
    spkiNode(spec.publicKey),
    der.context(3, [der.sequence(extensions(spec, issuer))]),
  ]);
  const signature = signBytes('sha256', der.encode(tbs), signer.privateKey);
  const bytes = der.encode(der.sequence([tbs, algorithm, der.bitString(signature)]));
  checkIssued(new X509Certificate(bytes), issuer);
  return certificateToPem(bytes);
}

function checkIssued(made: X509Certificate, issuer: X509Certificate | undefined): void {
  const by = issuer ?? made;
  if (!made.checkIssued(by) || !made.verify(by.publicKey)) {
    throw new MachineError('certificate-invalid', 'The CA in the store could not sign a certificate.', {
      why: 'ca.pem and ca-key.pem do not belong together, or ca.pem may not sign certificates.',
    });
  }
}

function extensions(spec: CertificateSpec, issuer: X509Certificate | undefined): der.DerNode[] {
  const ownKeyId = keyIdentifier(spec.publicKey);
  const authorityKeyId = issuer === undefined ? ownKeyId : issuerKeyId(issuer);
  const isCa = spec.purpose === 'ca';
  // CA:TRUE with path length 0: it signs certificates of machines and users, never other CAs.
  const constraints = isCa ? [der.boolean(true), der.integer(Uint8Array.of(0))] : [];
  const list = [
    extension(oids.basicConstraints, true, der.sequence(constraints)),
    extension(oids.keyUsage, true, usageNode(spec)),
    extension(oids.subjectKeyIdentifier, false, der.octetString(ownKeyId)),
    extension(oids.authorityKeyIdentifier, false, der.sequence([der.contextPrimitive(0, authorityKeyId)])),
  ];
  if (!isCa) {
    const purpose = spec.purpose === 'server' ? oids.serverAuth : oids.clientAuth;
    list.push(extension(oids.extendedKeyUsage, false, der.sequence([der.oid(purpose)])));
  }
  if (spec.names.length > 0) {
    list.push(extension(oids.subjectAltName, false, der.sequence(spec.names.map(alternativeName))));
  }
  return list;
}

function usageNode(spec: CertificateSpec): der.DerNode {
  const bits = usageOf(spec);
  // DER wants no trailing zero bits: the lowest set bit is the last that counts.
  return der.bitString(Uint8Array.of(bits), 31 - Math.clz32(bits & -bits));
}

function usageOf(spec: CertificateSpec): number {
  if (spec.purpose === 'ca') {
    return usageBits.keyCertSign | usageBits.cRLSign;
  }
  // Old TLS 1.2 clients may still transport their secret encrypted with the server's RSA key.
  const transportsSecret = spec.purpose === 'server' && spec.publicKey.asymmetricKeyType === 'rsa';
  return usageBits.digitalSignature | (transportsSecret ? usageBits.keyEncipherment : 0);
}

function alternativeName(name: SubjectName): der.DerNode {
  return name.kind === 'dns'
    ? der.contextPrimitive(2, Buffer.from(name.text, 'latin1'))
    : der.contextPrimitive(7, name.bytes);
}

function extension(id: string, critical: boolean, value: der.DerNode): der.DerNode {
  const inner = der.octetString(der.encode(value));
  return der.sequence(critical ? [der.oid(id), der.boolean(true), inner] : [der.oid(id), inner]);
}

// UTF8String throughout: PrintableString has no "_" or "@", and Go refuses a certificate that says otherwise.
function nameNode(spec: CertificateSpec): der.DerNode {
  const attribute = (id: string, text: string): der.DerNode =>
    der.set([der.sequence([der.oid(id), der.utf8String(nameText(text))])]);
  return der.sequence([
    attribute(oids.organization, spec.organization),
    attribute(oids.commonName, spec.commonName),
  ]);
}

function nameText(text: string): string {
  const clean = text.replace(/\p{Cc}/gu, '');
  return Array.from(clean).slice(0, nameLengthMax).join('') || 'unnamed';
}

// Top bit clear, else the number is negative; next bit set, else leading zeros would have to be cut.
function serialBytes(random: Uint8Array): Uint8Array {
  if (random.length !== serialSizeBytes) {
    throw new RangeError(`a serial number takes ${serialSizeBytes} random bytes`);
  }
  return Uint8Array.from(random, (byte, index) => (index === 0 ? (byte & 0x3f) | 0x40 : byte));
}

function signatureAlgorithm(key: KeyObject): der.DerNode {
  switch (key.asymmetricKeyType) {
    case 'ec':
      return der.sequence([der.oid(oids.ecdsaWithSha256)]);
    case 'rsa':
      return der.sequence([der.oid(oids.sha256WithRsa), der.nullValue()]);
    default:
      throw new MachineError(
        'certificate-invalid',
        'The CA key in the store is of a kind that cannot be used.',
        {
          why: `It is of type ${String(key.asymmetricKeyType)}; RSA and elliptic curve keys can be used.`,
        },
      );
  }
}

function spkiNode(publicKey: KeyObject): der.DerNode {
  return der.parse(publicKey.export({ type: 'spki', format: 'der' }));
}

// Method 1 of RFC 5280, 4.2.1.2: SHA-1 over the bits of the public key. An identifier, not a safeguard.
function keyIdentifier(publicKey: KeyObject): Buffer {
  // The first octet of a bit string counts its unused bits.
  const bits = der.content(der.children(spkiNode(publicKey))[1]).subarray(1);
  return createHash('sha1').update(bits).digest();
}

/** The CA's own identifier where it has one: OpenSSL compares it with that of the leaf. */
function issuerKeyId(issuer: X509Certificate): Uint8Array {
  for (const one of readTbs(issuer).extensions) {
    const parts = der.children(one);
    if (der.oidOf(parts[0]) === oids.subjectKeyIdentifier) {
      return der.content(der.parse(der.content(parts.at(-1))));
    }
  }
  return keyIdentifier(createPublicKey(issuer.publicKey.export({ type: 'spki', format: 'pem' })));
}

/** Subject and extensions of a certificate that node:crypto has already accepted. */
function readTbs(certificate: X509Certificate): { subject: der.DerNode; extensions: readonly der.DerNode[] } {
  const fields = der.children(der.children(der.parse(certificate.raw))[0]);
  const subject = fields[der.isContext(fields[0], 0) ? 5 : 4];
  if (subject === undefined) {
    throw new MachineError('certificate-invalid', 'The CA certificate in the store has no subject.');
  }
  const wrapper = fields.find((node) => der.isContext(node, 3));
  return { subject, extensions: der.children(der.children(wrapper)[0]) };
}

function certificateToPem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
