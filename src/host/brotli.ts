import { createReadStream, promises as fs } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliDecompress } from 'node:zlib';
import { isMachineError, MachineError, messageOf } from '../core/errors.ts';
import type { UnpackOptions } from './types.ts';
import { asWriter } from './write-failure.ts';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Unpacks a brotli file (RFC 7932, and its extension for windows of more than 16 MiB): see `Files.unpackBrotli`.
 * The window lies in memory, so that a file made with the largest one takes 256 MiB while it is unpacked.
 */
export async function unpackBrotli(from: string, to: string, options: UnpackOptions): Promise<void> {
  options.signal?.throwIfAborted();
  const file = await asWriter('create', to, async () => fs.open(to, 'wx', options.mode));
  try {
    await pipeline(
      createReadStream(from, { highWaterMark: CHUNK_BYTES }),
      createBrotliDecompress({
        chunkSize: CHUNK_BYTES,
        params: { [constants.BROTLI_DECODER_PARAM_LARGE_WINDOW]: 1 },
      }),
      async (chunks: AsyncIterable<Uint8Array>) => writeChunks(chunks, { file, from, to, options }),
      options.signal === undefined ? {} : { signal: options.signal },
    );
    await asWriter('write', to, async () => file.sync());
    // The mode that open() takes is cut by the umask.
    await asWriter('change the mode of', to, async () => file.chmod(options.mode));
    await file.close();
  } catch (error) {
    await file.close().catch(() => undefined);
    await fs.rm(to, { force: true }).catch(() => undefined);
    options.signal?.throwIfAborted();
    throw explain(error, from);
  }
}

async function writeChunks(
  chunks: AsyncIterable<Uint8Array>,
  job: {
    readonly file: FileHandle;
    readonly from: string;
    readonly to: string;
    readonly options: UnpackOptions;
  },
): Promise<void> {
  const { sizeMaxBytes, onProgress } = job.options;
  let doneBytes = 0;
  for await (const chunk of chunks) {
    doneBytes += chunk.length;
    if (doneBytes > sizeMaxBytes) {
      throw damaged(job.from, `It unpacks to more than the ${sizeMaxBytes} bytes that it should have.`);
    }
    await asWriter('write', job.to, async () => job.file.writeFile(chunk));
    onProgress?.(doneBytes);
  }
}

/** Errors of reading stay the system's own; everything that the decoder says means that the file is damaged. */
function explain(error: unknown, from: string): unknown {
  const isSystemError = typeof error === 'object' && error !== null && 'syscall' in error;
  return isMachineError(error) || isSystemError ? error : damaged(from, messageOf(error), error);
}

function damaged(from: string, why: string, cause?: unknown): MachineError {
  return new MachineError('image-invalid', `${from} cannot be unpacked.`, {
    why,
    facts: { path: from },
    ...(cause === undefined ? {} : { cause }),
  });
}
