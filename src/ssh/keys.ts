import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { MachineError } from '../core/errors.ts';
import { SshReader, sshString, uint32 } from './wire.ts';

/** SSH keys, with node:crypto alone. */

/** An SSH key pair in the forms in which it is stored. */
export interface SshKeyPair {
  /** OpenSSH's own private key format, without a passphrase. */
  readonly privatePem: string;
  /** `ssh-ed25519 AAAA… comment`, without line end: a line of authorized_keys or of a `.pub` file. */
  readonly publicLine: string;
  /** `SHA256:…`, as ssh-keygen prints it. */
  readonly fingerprint: string;
}

/** A public key as it goes over the wire. */
export interface SshPublicKey {
  /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa` … */
  readonly type: string;
  /** The key blob, type included. */
  readonly blob: Uint8Array;
}

const ed25519 = 'ssh-ed25519';
const seedSizeBytes = 32;
const openSshMagic = Buffer.from('openssh-key-v1\0', 'latin1');
const openSshLabel = 'OPENSSH PRIVATE KEY';
// PKCS#8 of an ed25519 key is this and the seed (RFC 8410, section 7).
const pkcs8Ed25519 = Buffer.from('302e020100300506032b657004220420', 'hex');
// The padding of an unencrypted private section (OpenSSH, PROTOCOL.key).
const paddingBlockBytes = 8;

/** Makes an ed25519 key pair. A comment is one line; control characters in it are dropped. */
export function generateSshKeyPair(
  randomness: { randomBytes(count: number): Uint8Array },
  comment: string,
): SshKeyPair {
  const seed = randomness.randomBytes(seedSizeBytes);
  const checkInt = randomness.randomBytes(4);
  return ed25519Pair(seed, checkInt, comment.replace(/\p{Cc}/gu, ''));
}

/**
 * The same ed25519 key as the host key file of dropbear, 83 bytes: the type and then seed and public key,
 * each as an SSH string. dropbear refuses OpenSSH's format.
 * @throws MachineError `certificate-invalid` for anything but an ed25519 key without passphrase.
 */
export function dropbearHostKey(pair: Pick<SshKeyPair, 'privatePem'>): Uint8Array {
  return Buffer.concat([sshString(ed25519), sshString(readOpenSshEd25519(pair.privatePem).secret)]);
}

/**
 * The public half of a private key file as `type base64 comment`.
 * @throws MachineError `certificate-invalid` for anything but an ed25519 key in OpenSSH's format.
 */
export function publicLineOf(privatePem: string): string {
  const { secret, comment } = readOpenSshEd25519(privatePem);
  return publicLine(ed25519Blob(secret.subarray(seedSizeBytes)), comment);
}

/**
 * Reads `type base64 [comment]`.
 * @throws MachineError `certificate-invalid` when it is not a public key, or says one type and holds another.
 */
export function parsePublicLine(line: string): SshPublicKey {
  const [type = '', base64 = ''] = line.trim().split(/\s+/);
  const blob = Buffer.from(base64, 'base64');
  if (type === '' || typeOfBlob(blob) !== type) {
    throw new MachineError('certificate-invalid', 'This is not an SSH public key.', {
      why: `It should read "ssh-ed25519 AAAA…", and is: ${line.replace(/\p{Cc}/gu, '?').slice(0, 80)}`,
      remedies: ['Restore the file that holds the key.'],
    });
  }
  return { type, blob };
}

/** `type base64 [comment]` of a key blob. */
export function publicLine(blob: Uint8Array, comment = ''): string {
  const type = typeOfBlob(blob) ?? 'unknown';
  return `${type} ${Buffer.from(blob).toString('base64')}${comment === '' ? '' : ` ${comment}`}`;
}

/** `SHA256:…` of a key blob. */
export function fingerprintOf(blob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** The type that a key blob itself names; undefined when it is no key blob. */
export function typeOfBlob(blob: Uint8Array): string | undefined {
  try {
    const type = new SshReader(blob).string().toString('latin1');
    return /^[a-z0-9@.-]{1,64}$/.test(type) ? type : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A private key in a form that ssh2 reads: it knows PKCS#1, SEC1 and OpenSSH, but not PKCS#8.
 * @throws MachineError `ssh-key-rejected` when the key has a passphrase or cannot be read.
 */
export function privateKeyForSsh2(pem: string): string {
  if (/-----BEGIN ENCRYPTED |Proc-Type: 4,ENCRYPTED/.test(pem)) {
    throw new MachineError('ssh-key-rejected', 'The SSH key is protected by a passphrase.', {
      why: 'Commands that run unattended cannot ask for it.',
      remedies: ['Use a key without passphrase, or make a copy without one: ssh-keygen -p -f COPY'],
    });
  }
  if (!pem.includes('-----BEGIN PRIVATE KEY-----')) {
    return pem;
  }
  try {
    return fromPkcs8(createPrivateKey(pem));
  } catch (cause) {
    throw new MachineError('ssh-key-rejected', 'The SSH key cannot be read.', {
      remedies: ['Give a private key in OpenSSH or PEM format.'],
      cause,
    });
  }
}

function fromPkcs8(key: KeyObject): string {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return String(key.export({ type: 'pkcs1', format: 'pem' }));
    case 'ec':
      return String(key.export({ type: 'sec1', format: 'pem' }));
    case 'ed25519': {
      const seed = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
      return ed25519Pair(seed, seed.subarray(0, 4), '').privatePem;
    }
    default:
      throw new TypeError(`keys of type ${String(key.asymmetricKeyType)} are not used in SSH`);
  }
}

// OpenSSH's PROTOCOL.key. The check integer stands there twice; it would show a wrong passphrase.
function ed25519Pair(seed: Uint8Array, checkInt: Uint8Array, comment: string): SshKeyPair {
  const privateKey = createPrivateKey({
    key: Buffer.concat([pkcs8Ed25519, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const publicBytes = Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x ?? '', 'base64url');
  const blob = ed25519Blob(publicBytes);
  const secret = Buffer.concat([
    checkInt,
    checkInt,
    blob,
    sshString(Buffer.concat([seed, publicBytes])),
    sshString(comment),
  ]);
  const file = Buffer.concat([
    openSshMagic,
    sshString('none'),
    sshString('none'),
    sshString(''),
    uint32(1),
    sshString(blob),
    sshString(padded(secret)),
  ]);
  return { privatePem: toPem(file), publicLine: publicLine(blob, comment), fingerprint: fingerprintOf(blob) };
}

function readOpenSshEd25519(pem: string): { secret: Buffer; comment: string } {
  try {
    const body = new RegExp(`-----BEGIN ${openSshLabel}-----([^-]+)-----END`).exec(pem)?.[1] ?? '';
    const file = Buffer.from(body, 'base64');
    if (!file.subarray(0, openSshMagic.length).equals(openSshMagic)) {
      throw new TypeError('it is not in the format of OpenSSH');
    }
    const outer = new SshReader(file.subarray(openSshMagic.length));
    if (outer.string().toString('latin1') !== 'none') {
      throw new TypeError('it is protected by a passphrase');
    }
    // The name of the key derivation and its options, the number of keys, and the public key.
    outer.string();
    outer.string();
    outer.uint32();
    outer.string();
    const inner = new SshReader(outer.string());
    inner.skip(8);
    if (inner.string().toString('latin1') !== ed25519) {
      throw new TypeError('it is not an ed25519 key');
    }
    inner.string();
    return { secret: inner.string(), comment: inner.string().toString('utf8') };
  } catch (cause) {
    throw new MachineError('certificate-invalid', 'An SSH host key of the store cannot be read.', {
      remedies: ['Restore the file that holds the key.'],
      cause,
    });
  }
}

function ed25519Blob(publicBytes: Uint8Array): Buffer {
  return Buffer.concat([sshString(ed25519), sshString(publicBytes)]);
}

function padded(bytes: Buffer): Buffer {
  const count = (paddingBlockBytes - (bytes.length % paddingBlockBytes)) % paddingBlockBytes;
  return Buffer.concat([bytes, Uint8Array.from({ length: count }, (_, index) => index + 1)]);
}

function toPem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,70}/g) ?? [];
  return `-----BEGIN ${openSshLabel}-----\n${lines.join('\n')}\n-----END ${openSshLabel}-----\n`;
}
