import { createRequire } from 'node:module';
import { ReadableStream } from 'node:stream/web';
import type * as XzDecompress from 'xz-decompress';
import { inputError } from './input-error.ts';

// The package is CommonJS in a form that does not show its names to an import.
const { XzReadableStream } = createRequire(import.meta.url)('xz-decompress') as typeof XzDecompress;

const chunkBytes = 1 << 16;

/**
 * Decompresses xz data chunk by chunk. The decoder's WebAssembly module works on one stream at a time:
 * read a stream to its end, or leave the loop, before opening the next.
 * Throws `image-build-failed` when the data is damaged or cut off.
 */
export async function* unxz(data: Uint8Array, file: string): AsyncGenerator<Uint8Array, void, undefined> {
  let offset = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (offset >= data.length) {
        controller.close();
        return;
      }
      controller.enqueue(data.subarray(offset, offset + chunkBytes));
      offset += chunkBytes;
    },
  });
  if (data.length === 0) {
    throw inputError(file, 'The xz data is empty.');
  }
  // The package's types name the browser's stream; at run time both are the same class.
  const stream = new XzReadableStream(source) as unknown as AsyncIterable<Uint8Array>;
  const iterator = stream[Symbol.asyncIterator]();
  let finished = false;
  try {
    for (;;) {
      const next = await nextChunk(iterator, file);
      if (next === undefined) {
        finished = true;
        return;
      }
      if (next.length > 0) {
        yield next;
      }
    }
  } finally {
    // Also when the consumer threw: an open stream would keep the decoder locked for ever.
    if (!finished) {
      await iterator.return?.().catch(() => undefined);
    }
  }
}

async function nextChunk(iterator: AsyncIterator<Uint8Array>, file: string): Promise<Uint8Array | undefined> {
  try {
    const next = await iterator.next();
    return next.done === true ? undefined : next.value;
  } catch (cause) {
    throw inputError(file, 'Its xz data is damaged or cut off.', cause);
  }
}

/** Decompresses xz data into one buffer of at most `sizeMaxBytes`. */
export async function unxzAll(data: Uint8Array, file: string, sizeMaxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of unxz(data, file)) {
    sizeBytes += chunk.length;
    if (sizeBytes > sizeMaxBytes) {
      throw inputError(file, `It unpacks to more than ${sizeMaxBytes} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, sizeBytes);
}
