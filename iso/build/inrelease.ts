import { readCleartextMessage, verify, type Key, type VerifyMessageResult } from 'openpgp';
import { MachineError, messageOf } from '../../src/core/errors.ts';
import { inputError } from '../formats/input-error.ts';

/** Size and sum of an index file, as a signed release file states them. */
export interface IndexSum {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** A release file whose signature was checked. */
export interface VerifiedRelease {
  readonly codename: string;
  readonly suite: string;
  readonly label: string;
  /** Milliseconds since 1970. */
  readonly dateMs: number;
  /** Until when a mirror may still serve it; Debian's main archive sets no limit. */
  readonly validUntilMs: number | undefined;
  readonly byHash: boolean;
  /** By their path below the suite's folder. */
  readonly sums: ReadonlyMap<string, IndexSum>;
  /** Fingerprints of the primary keys whose signature was accepted, sorted. */
  readonly signers: readonly string[];
}

/**
 * Verifies an InRelease file and reads it. At least one signature has to come from a trusted key; a
 * wrong signature in the name of a trusted key is an error even if another one is right; signatures of
 * unknown keys count for nothing. Only the signed text is read, never what stands around it.
 * Throws `signature-invalid`, or `image-build-failed` when the text is not a release file.
 */
export async function verifyInRelease(
  text: string,
  keys: readonly Key[],
  file: string,
): Promise<VerifiedRelease> {
  const { data, signatures } = await openMessage(text, keys, file);
  const signers = new Set<string>();
  for (const signature of signatures) {
    const key = keys.find((candidate) => candidate.getKeys(signature.keyID).length > 0);
    if (key === undefined) {
      // The promise of an unknown key's signature rejects; nobody else would look at it.
      await signature.verified.catch(() => undefined);
      continue;
    }
    try {
      await signature.verified;
    } catch (cause) {
      throw signatureError(
        file,
        `The signature by ${key.getFingerprint()} is wrong: ${messageOf(cause)}`,
        cause,
      );
    }
    signers.add(key.getFingerprint());
  }
  if (signers.size === 0) {
    throw signatureError(file, 'None of its signatures is by a key that tsmachine trusts.');
  }
  return { ...parseRelease(data, file), signers: [...signers].sort() };
}

async function openMessage(
  text: string,
  keys: readonly Key[],
  file: string,
): Promise<VerifyMessageResult<string>> {
  try {
    const message = await readCleartextMessage({ cleartextMessage: text });
    return await verify({ message, verificationKeys: [...keys] });
  } catch (cause) {
    throw signatureError(file, 'It is not a text with a signature.', cause);
  }
}

function signatureError(file: string, why: string, cause?: unknown): MachineError {
  return new MachineError('signature-invalid', `${file} is not signed by Debian`, {
    why,
    facts: { file },
    ...(cause === undefined ? {} : { cause }),
  });
}

function parseRelease(text: string, file: string): Omit<VerifiedRelease, 'signers'> {
  const fields = new Map<string, string>();
  const sums = new Map<string, IndexSum>();
  let block = '';
  for (const line of text.split(/\r?\n/)) {
    const field = /^([A-Za-z0-9-]+):\s*(.*)$/.exec(line);
    if (field?.[1] !== undefined) {
      block = field[1];
      fields.set(block, field[2] ?? '');
      continue;
    }
    // Blocks of older hash functions list the same files before this one.
    const sum = block === 'SHA256' ? /^ +([0-9a-f]{64}) +(\d+) +(\S+)$/.exec(line) : null;
    if (sum?.[1] !== undefined && sum[3] !== undefined) {
      sums.set(sum[3], { sha256: sum[1], sizeBytes: Number(sum[2]) });
    }
  }
  const dateMs = Date.parse(fields.get('Date') ?? '');
  const validUntil = fields.get('Valid-Until');
  const validUntilMs = validUntil === undefined ? undefined : Date.parse(validUntil);
  if (Number.isNaN(dateMs) || Number.isNaN(validUntilMs ?? 0) || sums.size === 0) {
    throw inputError(file, 'It has no date or no list of sums.');
  }
  return {
    codename: fields.get('Codename') ?? '',
    suite: fields.get('Suite') ?? '',
    label: fields.get('Label') ?? '',
    dateMs,
    validUntilMs,
    byHash: fields.get('Acquire-By-Hash') === 'yes',
    sums,
  };
}
