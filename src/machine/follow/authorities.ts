import { posix } from 'node:path';
import { rootCertificates } from 'node:tls';
import type { Host } from '../../host/types.ts';
import type { Session } from '../session.ts';
import { certificatesIn, readCertificateFile, readSmallFile, type Authority } from './certificate-files.ts';

/** Variables that name a file of certificates: of Node, and of OpenSSL, Go and many others. */
const variables = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'] as const;

/** Where systems have all that they trust in one file. Source: Go's crypto/x509 (root_linux.go, root_darwin.go). */
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
] as const;

/** Where an administrator of Linux puts further CAs: Debian and Alpine, Fedora, Arch, SUSE. Debian takes only *.crt. */
const anchorDirectories: readonly (readonly [directory: string, names: RegExp])[] = [
  ['/usr/local/share/ca-certificates', /\.crt$/],
  ['/etc/pki/ca-trust/source/anchors', /\.(?:pem|crt|cer|der)$/],
  ['/etc/ca-certificates/trust-source/anchors', /\.(?:pem|crt|cer|der)$/],
  ['/etc/pki/trust/anchors', /\.(?:pem|crt|cer|der)$/],
];

/**
 * The CAs that this computer trusts beyond what everybody trusts: those in files of the environment, and those that an
 * administrator has added to the system.
 */
export async function hostAuthorities(session: Session): Promise<Authority[]> {
  const { host } = session;
  const ofSystem = await systemAuthorities(session);
  return [...(await namedByEnvironment(host)), ...ofSystem];
}

async function systemAuthorities(session: Session): Promise<readonly Authority[]> {
  switch (session.host.facts.platform) {
    case 'darwin':
      return (await import('./keychain.ts')).keychainAuthorities(session);
    case 'win32':
      return (await import('./windows-roots.ts')).windowsAuthorities(session);
    default:
      return anchorFiles(session.host);
  }
}

async function namedByEnvironment(host: Host): Promise<Authority[]> {
  const { facts, files } = host;
  const realPath = async (path: string): Promise<string> => files.realPath(path).catch(() => path);
  const bundles = facts.platform === 'win32' ? [] : await Promise.all(systemBundles.map(realPath));
  const found: Authority[] = [];
  for (const name of variables) {
    const path = facts.env[name] ?? '';
    // What the system's own bundle has besides the usual is found where it comes from.
    if (path !== '' && !bundles.includes(await realPath(path))) {
      const authorities = await readCertificateFile(host, path);
      found.push(...('problem' in authorities ? [] : withoutPublic(authorities)));
    }
  }
  return found;
}

/** Leaves out what every system trusts, ours in the machine, too: Mozilla's list, as Node brings it. */
export function withoutPublic(authorities: readonly Authority[]): Authority[] {
  const body = (pem: string): string => pem.replace(/-----[^-]+-----|\s/g, '');
  const known = new Set(rootCertificates.map(body));
  return authorities.filter(({ pem }) => !known.has(body(pem)));
}

async function anchorFiles({ files }: Host): Promise<Authority[]> {
  const found: Authority[] = [];
  const look = async (directory: string, names: RegExp, depth: number): Promise<void> => {
    const entries = await files.list(directory).catch(() => []);
    for (const { name, kind } of entries.sort((one, two) => (one.name < two.name ? -1 : 1))) {
      const path = posix.join(directory, name);
      if (kind === 'directory' && depth > 0) {
        await look(path, names, depth - 1);
      } else if (kind !== 'directory' && names.test(name)) {
        const content = await readSmallFile(files, path).catch(() => undefined);
        found.push(...(content === undefined ? [] : certificatesIn(content, path)));
      }
    }
  };
  for (const [directory, names] of anchorDirectories) {
    await look(directory, names, 3);
  }
  return found;
}
