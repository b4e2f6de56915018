import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliDecompress } from 'node:zlib';
import { Transform } from 'node:stream';
import { MachineError } from '../core/errors.ts';

/**
 * Unpacks a brotli file (large window, RFC 7932 with the extension for windows above 24 bits) as a stream.
 * @throws MachineError `image-invalid` when the content is broken or longer than `sizeMaxBytes`.
 */
export async function unpackBrotli(from: string, to: string, sizeMaxBytes: number): Promise<void> {
  let written = 0;
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      written += chunk.length;
      if (written > sizeMaxBytes) {
        done(new Error(`more than the ${sizeMaxBytes} bytes that the manifest promises`));
      } else {
        done(null, chunk);
      }
    },
  });
  const decoder = createBrotliDecompress({ params: { [constants.BROTLI_DECODER_PARAM_LARGE_WINDOW]: 1 } });
  try {
    await pipeline(
      createReadStream(from),
      decoder,
      limit,
      createWriteStream(to, { flags: 'wx', mode: 0o400 }),
    );
  } catch (cause) {
    throw new MachineError('image-invalid', `${from} cannot be unpacked.`, { cause });
  }
}
