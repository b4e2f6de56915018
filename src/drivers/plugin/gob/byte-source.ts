import { GobError } from './types.ts';

/** Bytes in the order in which they arrive, in whatever pieces. */
export interface ByteSource {
  /**
   * Exactly so many bytes.
   * @returns undefined when the stream has ended before the first of them.
   * @throws GobError when it ends between them; the stream's own error.
   */
  read(count: number): Promise<Uint8Array | undefined>;
}

/** Reads from chunks as they come, and takes no more of them than are needed. */
export function createByteSource(chunks: AsyncIterable<Uint8Array>): ByteSource {
  const iterator = chunks[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array(0);
  const next = async (): Promise<Uint8Array | undefined> => {
    if (rest.length > 0) {
      return rest;
    }
    const chunk: IteratorResult<Uint8Array, unknown> = await iterator.next();
    return chunk.done === true ? undefined : chunk.value;
  };
  return {
    read: async (count) => {
      const parts: Uint8Array[] = [];
      let missing = count;
      while (missing > 0) {
        const chunk = await next();
        if (chunk === undefined) {
          if (parts.length === 0) {
            return undefined;
          }
          throw new GobError('the stream ends in the middle of a message');
        }
        parts.push(chunk.subarray(0, missing));
        rest = chunk.subarray(missing);
        missing -= Math.min(missing, chunk.length);
      }
      const [first = new Uint8Array(0), ...more] = parts;
      return more.length === 0 ? first : join(parts, count);
    },
  };
}

function join(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
