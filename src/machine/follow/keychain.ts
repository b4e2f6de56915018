import { createHash, X509Certificate } from 'node:crypto';
import { posix } from 'node:path';
import type { Session } from '../session.ts';
import { certificatesIn, type Authority } from './certificate-files.ts';

const timeoutMs = 20_000;
const program = '/usr/bin/security';

/**
 * The certificates of macOS' keychains that a user or an administrator has trusted for TLS. A certificate that only lies
 * in a keychain is trusted by nobody.
 */
export async function keychainAuthorities(session: Session): Promise<Authority[]> {
  const trusted = new Set([...(await trustSettings(session, ['-d'])), ...(await trustSettings(session, []))]);
  if (trusted.size === 0) {
    return [];
  }
  const { homeDirectory } = session.host.facts;
  const keychains = [
    '/Library/Keychains/System.keychain',
    posix.join(homeDirectory, 'Library', 'Keychains', 'login.keychain-db'),
  ];
  const found: Authority[] = [];
  for (const keychain of keychains) {
    const text = await ask(session, ['find-certificate', '-a', '-p', keychain]);
    found.push(...certificatesIn(new TextEncoder().encode(text), keychain));
  }
  return found.filter(({ pem }) => trusted.has(sha1Of(pem)));
}

/** As trust settings name certificates. */
function sha1Of(pem: string): string {
  return createHash('sha1').update(new X509Certificate(pem).raw).digest('hex').toUpperCase();
}

/** Fingerprints of one domain of trust settings; none where there are no settings. */
async function trustSettings(session: Session, domain: readonly string[]): Promise<string[]> {
  const { host } = session;
  const name = `tsmachine-${Buffer.from(host.randomBytes(8)).toString('hex')}.plist`;
  const file = posix.join(host.facts.tempDirectory, name);
  try {
    await ask(session, ['trust-settings-export', ...domain, file]);
    return trustedFingerprints(await host.files.readText(file).catch(() => ''));
  } finally {
    await host.files.remove(file);
  }
}

async function ask({ host, signal }: Session, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await host.processes.run(program, args, { timeoutMs, signal, acceptExitCodes: 'any' });
    return stdout;
  } catch {
    signal.throwIfAborted();
    return '';
  }
}

/**
 * SHA-1 fingerprints, in upper-case hex, of the certificates that trust settings trust for servers of TLS. Settings are an
 * XML property list: `trustList` has a dictionary for each fingerprint, with an array `trustSettings` of usage constraints.
 * No array, or an empty one, trusts the certificate for everything.
 * Source: Security/SecTrustSettings.h: result 1 (the default) and 2 trust, 3 denies, 4 says nothing.
 */
export function trustedFingerprints(plist: string): string[] {
  const entries = plist.split(/<key>(?=[0-9A-F]{40}<\/key>)/).slice(1);
  return entries.filter(isTrusted).map((entry) => entry.slice(0, 40));
}

function isTrusted(entry: string): boolean {
  const array = /<key>trustSettings<\/key>\s*(?:<array\/>|<array>([\s\S]*?)<\/array>)/.exec(entry)?.[1] ?? '';
  const constraints = array.match(/<dict\/>|<dict>[\s\S]*?<\/dict>/g);
  if (constraints === null) {
    return true;
  }
  const results = constraints.filter(isForServers).map(resultOf);
  return results.some((result) => result === 1 || result === 2) && !results.includes(3);
}

/** The object identifier of the policy for servers of TLS, 1.2.840.113635.100.1.3, in base64. */
const serverPolicy = 'KoZIhvdjZAED';

function isForServers(constraint: string): boolean {
  const policy = /<key>kSecTrustSettingsPolicy<\/key>\s*<data>\s*([^<]*?)\s*<\/data>/.exec(constraint)?.[1];
  return policy === undefined || policy === serverPolicy;
}

function resultOf(constraint: string): number {
  return Number(
    /<key>kSecTrustSettingsResult<\/key>\s*<integer>(\d+)<\/integer>/.exec(constraint)?.[1] ?? '1',
  );
}
