import { createPublicKey, type X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { MachineError, systemCode } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import { certificateLife, leafNeedsRenewal, readCertificate, readPrivateKey } from './certificate.ts';
import type { Authority, CertifiedKey, TlsKeyType } from './types.ts';

/** The slice of Host that the authority uses. */
export type AuthorityHost = Pick<Host, 'files' | 'clock' | 'randomBytes' | 'facts'>;

/** How keys that are missing are made, and whose name certificates carry. */
export interface AuthorityOptions {
  readonly keyType: TlsKeyType;
  readonly userName: string;
  /** Told before something is made that was not there. */
  readonly onMissing?: (what: 'CA' | 'client certificate', path: string) => void;
}

/** docker-machine's names; both programs work on the same files. */
const fileNames = {
  caCert: 'ca.pem',
  caKey: 'ca-key.pem',
  clientCert: 'cert.pem',
  clientKey: 'key.pem',
} as const;

type Paths = Readonly<Record<keyof typeof fileNames, string>>;

/**
 * The CA and client certificate in `certsDirectory`; what is missing is made. The caller holds the lock of
 * the certificates.
 *
 * A key is always written before its certificate, and a certificate is renewed for the key that is there.
 * So after a crash at any point there is a key without a certificate, which the next call completes, and
 * never a certificate that does not fit. The client certificate is renewed when two thirds of its life are
 * over. A CA is never replaced: every machine of the store trusts it.
 * @throws MachineError `certificate-invalid` when the CA is unusable, incomplete, expired or not valid yet;
 *   `store-unsafe` when other users can change the directory.
 */
export async function ensureAuthority(
  host: AuthorityHost,
  certsDirectory: string,
  options: AuthorityOptions,
): Promise<Authority> {
  const paths = pathsIn(certsDirectory);
  await ensurePrivateDirectory(host, certsDirectory);
  const ca = await ensureCa(host, paths, options);
  const client = await ensureClient(host, paths, ca, options);
  return { ca, client };
}

/**
 * The same when nothing has to be made; undefined when there is something to make or to complain about. Needs no lock:
 * every file appears whole, a key before its certificate, and certificates are renewed for the key that is there.
 * @throws MachineError `store-unsafe` when other users can change the directory.
 */
export async function readAuthority(
  host: AuthorityHost,
  certsDirectory: string,
): Promise<Authority | undefined> {
  const paths = pathsIn(certsDirectory);
  await ensurePrivateDirectory(host, certsDirectory);
  try {
    const ca = await readPair(host, paths.caCert, paths.caKey);
    const client = await readPair(host, paths.clientCert, paths.clientKey);
    if (ca === undefined || client === undefined) {
      return undefined;
    }
    checkCa(host, paths, ca);
    return isGoodClient(host, ca, client) ? { ca, client } : undefined;
  } catch {
    // Whoever holds the lock finds the same fault, or finds it mended.
    return undefined;
  }
}

/** A certificate and its key. The certificate is read first: when it is there, its key was written before. */
async function readPair(
  host: AuthorityHost,
  certPath: string,
  keyPath: string,
): Promise<CertifiedKey | undefined> {
  const certPem = await readIfThere(host, certPath);
  const keyPem = certPem === undefined ? undefined : await readKey(host, keyPath);
  return certPem === undefined || keyPem === undefined ? undefined : { certPem, keyPem };
}

/**
 * Issues the client certificate again, for the key that is there and by the CA that is there (both are made when
 * they are missing). The key stays, so at every moment any certificate of a store fits its key, whichever of
 * the copies a client has read. The caller holds the lock of the certificates.
 * @throws MachineError like ensureAuthority.
 */
export async function renewClientCertificate(
  host: AuthorityHost,
  certsDirectory: string,
  options: AuthorityOptions,
): Promise<Authority> {
  const { ca, client } = await ensureAuthority(host, certsDirectory, options);
  const certPem = await issueClient(host, { ca, keyPem: client.keyPem, userName: options.userName });
  await host.files.writeAtomic(pathsIn(certsDirectory).clientCert, certPem, 0o644);
  return { ca, client: { certPem, keyPem: client.keyPem } };
}

function pathsIn(directory: string): Paths {
  return {
    caCert: join(directory, fileNames.caCert),
    caKey: join(directory, fileNames.caKey),
    clientCert: join(directory, fileNames.clientCert),
    clientKey: join(directory, fileNames.clientKey),
  };
}

async function ensurePrivateDirectory(host: AuthorityHost, directory: string): Promise<void> {
  await host.files.makeDirectory(directory, 0o700);
  const real = await host.files.realPath(directory);
  const stat = await host.files.stat(real);
  if (stat?.kind !== 'directory') {
    throw new MachineError('store-unsafe', `${directory} is not a directory.`, {
      remedies: ['Move away what is there.'],
    });
  }
  if (host.facts.platform !== 'win32' && (stat.mode & 0o022) !== 0) {
    throw new MachineError(
      'store-unsafe',
      `Other users can change the directory of the certificates, ${real}.`,
      {
        why: `Its mode is ${stat.mode.toString(8)}: whoever can replace files in it can take over every machine.`,
        remedies: [`Run: chmod go-w ${real}`],
      },
    );
  }
}

async function ensureCa(host: AuthorityHost, paths: Paths, options: AuthorityOptions): Promise<CertifiedKey> {
  const found = await readIfThere(host, paths.caCert);
  const keyPem = await readKey(host, paths.caKey);
  if (found === undefined) {
    return makeCa(host, paths, keyPem, options);
  }
  if (keyPem === undefined) {
    throw new MachineError('certificate-invalid', `The key of the CA is missing: ${paths.caKey}`, {
      why: 'Without it no certificate can be issued that the machines of this store accept.',
      remedies: ['Restore the file from a backup.', replaceAdvice(paths)],
    });
  }
  checkCa(host, paths, { certPem: found, keyPem });
  return { certPem: found, keyPem };
}

async function makeCa(
  host: AuthorityHost,
  paths: Paths,
  existingKeyPem: string | undefined,
  options: AuthorityOptions,
): Promise<CertifiedKey> {
  // The client certificate is made last. If it is there, the CA was complete once, and machines trust it.
  if ((await readIfThere(host, paths.clientCert)) !== undefined) {
    throw new MachineError('certificate-invalid', `The certificate of the CA is missing: ${paths.caCert}`, {
      why: 'Client certificates of that CA are still there, so machines may depend on it.',
      remedies: [
        'Restore the file from a backup, or copy ca.pem from the directory of any machine of this store.',
        `If no machine is left, delete ${paths.clientCert}.`,
      ],
    });
  }
  options.onMissing?.('CA', paths.caCert);
  const { issueCaCertificate, issueKey } = await import('./issue.ts');
  const keyPem = existingKeyPem ?? (await issueKey(options.keyType));
  if (existingKeyPem === undefined) {
    await host.files.writeAtomic(paths.caKey, keyPem, 0o600);
  }
  const certPem = issueCaCertificate(host, keyPem, options.userName);
  await host.files.writeAtomic(paths.caCert, certPem, 0o644);
  return { certPem, keyPem };
}

function checkCa(host: AuthorityHost, paths: Paths, ca: CertifiedKey): void {
  const certificate = readCertificate(ca.certPem, paths.caCert);
  const key = readPrivateKey(ca.keyPem, paths.caKey);
  if (!certificate.checkPrivateKey(key)) {
    throw new MachineError('certificate-invalid', `${paths.caKey} is not the key of ${paths.caCert}.`, {
      remedies: ['Restore both files from the same backup.', replaceAdvice(paths)],
    });
  }
  if (!certificate.ca) {
    throw new MachineError('certificate-invalid', `${paths.caCert} is not the certificate of a CA.`, {
      remedies: ['Restore both files from the same backup.', replaceAdvice(paths)],
    });
  }
  const { notBeforeMs, notAfterMs } = certificateLife(certificate);
  const nowMs = host.clock.nowMs();
  if (nowMs > notAfterMs) {
    throw new MachineError('certificate-invalid', `The CA of this store has expired: ${paths.caCert}`, {
      why: `It was valid until ${day(notAfterMs)}. It is not replaced by itself, as no existing machine would trust the new one.`,
      remedies: [replaceAdvice(paths)],
      facts: { notAfterMs },
    });
  }
  if (nowMs < notBeforeMs) {
    throw new MachineError('certificate-invalid', `The CA of this store is not valid yet: ${paths.caCert}`, {
      why: `It is valid from ${day(notBeforeMs)}, and the clock of this computer says ${day(nowMs)}.`,
      remedies: ['Set the clock of this computer.'],
      facts: { notBeforeMs },
    });
  }
}

async function ensureClient(
  host: AuthorityHost,
  paths: Paths,
  ca: CertifiedKey,
  options: AuthorityOptions,
): Promise<CertifiedKey> {
  const certPem = await readIfThere(host, paths.clientCert);
  const keyPem = await readClientKey(host, paths);
  if (certPem !== undefined && keyPem !== undefined && isGoodClient(host, ca, { certPem, keyPem })) {
    return { certPem, keyPem };
  }
  if (certPem === undefined) {
    options.onMissing?.('client certificate', paths.clientCert);
  }
  const { issueKey } = await import('./issue.ts');
  const newKeyPem = keyPem ?? (await issueKey(options.keyType));
  if (keyPem === undefined) {
    await host.files.writeAtomic(paths.clientKey, newKeyPem, 0o600);
  }
  const newCertPem = await issueClient(host, { ca, keyPem: newKeyPem, userName: options.userName });
  await host.files.writeAtomic(paths.clientCert, newCertPem, 0o644);
  return { certPem: newCertPem, keyPem: newKeyPem };
}

async function issueClient(
  host: AuthorityHost,
  client: { readonly ca: CertifiedKey; readonly keyPem: string; readonly userName: string },
): Promise<string> {
  const { issueLeafCertificate } = await import('./issue.ts');
  return issueLeafCertificate(host, client.ca, client.keyPem, {
    purpose: 'client',
    organization: 'tsmachine',
    commonName: client.userName,
    sans: [],
  });
}

function isGoodClient(host: AuthorityHost, ca: CertifiedKey, client: CertifiedKey): boolean {
  let certificate: X509Certificate;
  try {
    certificate = readCertificate(client.certPem, fileNames.clientCert);
  } catch {
    return false;
  }
  const caCertificate = readCertificate(ca.certPem, fileNames.caCert);
  return (
    certificate.checkPrivateKey(readPrivateKey(client.keyPem, fileNames.clientKey)) &&
    leafNeedsRenewal(certificate, caCertificate, { side: 'client', nowMs: host.clock.nowMs() }) === undefined
  );
}

// A key that cannot be read is what a crash of a program without atomic writes leaves; it is made anew. One
// with a passphrase is somebody's decision and stays: reading it throws.
async function readClientKey(host: AuthorityHost, paths: Paths): Promise<string | undefined> {
  const pem = await readKey(host, paths.clientKey);
  if (pem === undefined) {
    return undefined;
  }
  try {
    createPublicKey(readPrivateKey(pem, paths.clientKey));
    return pem;
  } catch (error) {
    if (/ENCRYPTED/.test(pem)) {
      throw error;
    }
    return undefined;
  }
}

/** The text of a private key; its file is closed to others if it was open. */
async function readKey(host: AuthorityHost, path: string): Promise<string | undefined> {
  const pem = await readIfThere(host, path);
  if (pem === undefined || host.facts.platform === 'win32') {
    return pem;
  }
  const stat = await host.files.stat(path);
  if (stat?.kind === 'file' && (stat.mode & 0o077) !== 0) {
    await host.files.chmod(path, 0o600);
  }
  return pem;
}

async function readIfThere(host: AuthorityHost, path: string): Promise<string | undefined> {
  try {
    return await host.files.readText(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return undefined;
    }
    throw new MachineError('certificate-invalid', `${path} cannot be read.`, {
      remedies: ['Mend the permissions of the file.'],
      cause: error,
    });
  }
}

function replaceAdvice(paths: Paths): string {
  const all = Object.values(paths).join(' ');
  return `To begin with a new CA, which existing machines will not accept, move these files away: ${all}`;
}

function day(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}
