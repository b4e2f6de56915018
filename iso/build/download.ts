import { createHash, randomBytes } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { MachineError, isMachineError, messageOf } from '../../src/core/errors.ts';

/** What a downloaded file has to be. */
export interface ExpectedFile {
  readonly sizeBytes: number;
  readonly sha256: string;
}

const attemptsMax = 3;
const idleTimeoutMs = 60_000;
const retryWaitMs = 1_000;

/** Receives the number of bytes that have arrived so far. */
export type OnBytes = (done: number) => void;

/**
 * Downloads a file of known size and sum. It is written beside its place and moved there when it is
 * complete and right, so a file in its place is never half a file.
 * Throws `checksum-mismatch`, or `download-failed` with the fact `status` when the server refused.
 */
export async function downloadTo(
  url: string,
  file: string,
  expected: ExpectedFile,
  onBytes: OnBytes = () => undefined,
): Promise<void> {
  const partial = `${file}.${process.pid}-${randomBytes(4).toString('hex')}.partial`;
  try {
    await retried(url, async () => {
      const handle = await open(partial, 'w', 0o644);
      try {
        await receive(url, expected, handle, onBytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
    });
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
}

async function receive(
  url: string,
  expected: ExpectedFile,
  handle: FileHandle,
  onBytes: OnBytes,
): Promise<void> {
  const hash = createHash('sha256');
  let done = 0;
  for await (const chunk of bodyOf(url)) {
    done += chunk.length;
    if (done > expected.sizeBytes) {
      break;
    }
    hash.update(chunk);
    await handle.appendFile(chunk);
    onBytes(done);
  }
  if (done !== expected.sizeBytes || hash.digest('hex') !== expected.sha256) {
    throw mismatch(url, expected);
  }
}

/** Downloads a file into memory; one of unknown sum is limited to `sizeMaxBytes`. Same errors as `downloadTo`. */
export async function downloadBytes(
  url: string,
  limit: { readonly expected: ExpectedFile } | { readonly sizeMaxBytes: number },
): Promise<Buffer> {
  const sizeMaxBytes = 'expected' in limit ? limit.expected.sizeBytes : limit.sizeMaxBytes;
  return retried(url, async () => {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const chunk of bodyOf(url)) {
      sizeBytes += chunk.length;
      if (sizeBytes > sizeMaxBytes) {
        throw new MachineError('checksum-mismatch', `${url} is larger than ${sizeMaxBytes} bytes`);
      }
      chunks.push(chunk);
    }
    const bytes = Buffer.concat(chunks, sizeBytes);
    if ('expected' in limit && !matches(bytes, limit.expected)) {
      throw mismatch(url, limit.expected);
    }
    return bytes;
  });
}

/** True when the bytes have the expected size and sum. */
export function matches(bytes: Uint8Array, expected: ExpectedFile): boolean {
  return (
    bytes.length === expected.sizeBytes &&
    createHash('sha256').update(bytes).digest('hex') === expected.sha256
  );
}

/** The error for a file that is not the expected one. */
export function mismatch(file: string, expected: ExpectedFile): MachineError {
  return new MachineError('checksum-mismatch', `${file} is not the file that was expected`, {
    why: `It should have ${expected.sizeBytes} bytes and the SHA-256 sum ${expected.sha256}.`,
    facts: { file },
  });
}

/** True for the error of a file that the server does not have. */
export function isGone(error: unknown): boolean {
  return (
    isMachineError(error) &&
    error.code === 'download-failed' &&
    [404, 410].includes(error.facts['status'] as number)
  );
}

async function* bodyOf(url: string): AsyncGenerator<Uint8Array, void, undefined> {
  const idle = new AbortController();
  const timer = setTimeout(() => {
    idle.abort(new Error(`Nothing arrived for ${idleTimeoutMs / 1000} seconds.`));
  }, idleTimeoutMs);
  try {
    const response = await fetch(url, { signal: idle.signal, redirect: 'follow' });
    if (!response.ok || response.body === null) {
      throw new MachineError('download-failed', `${url} could not be downloaded`, {
        why: `The server answered ${response.status} ${response.statusText}.`,
        facts: { url, status: response.status },
      });
    }
    // Node's own type and that of the fetch standard differ in name only.
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      timer.refresh();
      yield chunk;
    }
  } finally {
    clearTimeout(timer);
  }
}

async function retried<Result>(url: string, action: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await action();
    } catch (error) {
      const status = isMachineError(error) ? error.facts['status'] : undefined;
      const final =
        isMachineError(error) && !(typeof status === 'number' && (status >= 500 || status === 429));
      if (final) {
        throw error;
      }
      if (attempt === attemptsMax) {
        throw isMachineError(error)
          ? error
          : new MachineError('download-failed', `${url} could not be downloaded`, {
              why: reasonOf(error),
              facts: { url },
              cause: error,
            });
      }
      await delay(retryWaitMs * attempt);
    }
  }
}

/** fetch() says only "fetch failed"; what happened is in the cause. */
function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? error.cause.message : messageOf(error);
}
