import { createHash } from 'node:crypto';
import { createCleartextMessage, generateKey, sign, type Key, type PrivateKey } from 'openpgp';

/** Test helper: a signing key made for the test. */
export interface MadeKey {
  readonly privateKey: PrivateKey;
  readonly publicKey: Key;
}

export async function makeKey(name: string): Promise<MadeKey> {
  const { privateKey, publicKey } = await generateKey({
    userIDs: [{ name, email: 'archive@example.invalid' }],
    format: 'object',
    // Made in the past, so that release files may be, too.
    date: new Date('2026-01-01T00:00:00Z'),
  });
  return { privateKey, publicKey };
}

/** Signs a text in the clear, as InRelease files are signed. */
export async function clearSign(text: string, ...keys: readonly MadeKey[]): Promise<string> {
  return sign({
    message: await createCleartextMessage({ text }),
    signingKeys: keys.map((key) => key.privateKey),
  });
}

/** What a release file should say; the defaults are those of the main archive. */
export interface MadeRelease {
  readonly codename?: string;
  readonly suite?: string;
  readonly label?: string;
  readonly date?: string;
  readonly validUntil?: string;
  readonly byHash?: boolean;
  /** Contents of the index files, by path. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

/** The text of a release file, with the block of an older hash function before the one that counts. */
export function releaseText(options: MadeRelease = {}): string {
  const files = Object.entries(options.files ?? { 'main/binary-amd64/Packages.xz': Buffer.from('x') });
  const sums = (hash: string): string[] =>
    files.map(
      ([path, data]) =>
        ` ${createHash(hash).update(data).digest('hex')} ${String(data.length).padStart(9)} ${path}`,
    );
  return [
    'Origin: Debian',
    `Label: ${options.label ?? 'Debian'}`,
    `Suite: ${options.suite ?? 'stable'}`,
    `Codename: ${options.codename ?? 'trixie'}`,
    `Date: ${options.date ?? 'Sat, 12 Sep 2026 07:55:41 UTC'}`,
    ...(options.validUntil === undefined ? [] : [`Valid-Until: ${options.validUntil}`]),
    ...((options.byHash ?? true) ? ['Acquire-By-Hash: yes'] : []),
    'MD5Sum:',
    ...sums('md5'),
    'SHA256:',
    ...sums('sha256'),
    '',
  ].join('\n');
}
