import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { readKeys, type Key } from 'openpgp';
import { MachineError } from '../../src/core/errors.ts';
import { packageRoot } from './package-root.ts';

/** Which of Debian's two archives a key may sign for. */
export type ArchiveId = 'main' | 'security';

/** A key that is trusted, pinned by its fingerprint; the file comes from the package debian-archive-keyring. */
interface PinnedKey {
  readonly file: string;
  readonly fingerprint: string;
  readonly archive: ArchiveId;
}

const pinnedKeys: readonly PinnedKey[] = [
  {
    file: 'debian-archive-bookworm-automatic.gpg',
    fingerprint: 'b8b80b5b623eab6ad8775c45b7c5d7d6350947f8',
    archive: 'main',
  },
  {
    file: 'debian-archive-trixie-automatic.gpg',
    fingerprint: '04b54c3cdca79751b16bc6b5225629df75b188bd',
    archive: 'main',
  },
  {
    file: 'debian-archive-trixie-stable.gpg',
    fingerprint: '41587f7db8c774bccf131416762f67a0b2c39de4',
    archive: 'main',
  },
  {
    file: 'debian-archive-bookworm-security-automatic.gpg',
    fingerprint: '05ab90340c0c5e797f44a8c8254cf3b5aec0a8f0',
    archive: 'security',
  },
  {
    file: 'debian-archive-trixie-security-automatic.gpg',
    fingerprint: '5e04a1e3223a19a20706e20f9904613d4cce68c6',
    archive: 'security',
  },
];

/** The trusted keys of both archives, by the archive that they sign. */
export type TrustedKeys = Readonly<Record<ArchiveId, readonly Key[]>>;

/**
 * Reads the archive keys that come with tsmachine and checks each against its pinned fingerprint.
 * Throws `signature-invalid` when a key file holds another key.
 */
export async function readTrustedKeys(
  directory: string = path.join(packageRoot, 'iso', 'keys'),
): Promise<TrustedKeys> {
  const keys: Record<ArchiveId, Key[]> = { main: [], security: [] };
  for (const pinned of pinnedKeys) {
    const file = path.join(directory, pinned.file);
    const found = await readKeys({ binaryKeys: new Uint8Array(await readFile(file)) });
    const key = found.find((candidate) => candidate.getFingerprint() === pinned.fingerprint);
    if (key === undefined || found.length !== 1) {
      throw new MachineError('signature-invalid', `${file} does not hold the key that is pinned`, {
        why: `The fingerprint should be ${pinned.fingerprint}.`,
        remedies: ['Install tsmachine again.'],
        facts: { file },
      });
    }
    keys[pinned.archive].push(key);
  }
  return keys;
}
