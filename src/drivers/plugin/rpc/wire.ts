import type { ByteSource } from '../gob/byte-source.ts';
import { gobString, gobUint, structOf } from '../gob/types.ts';

// Go's net/rpc over HTTP: one CONNECT, then a stream of gob in each direction.

/** What the client says first. */
export const connectLine = 'CONNECT /_goRPC_ HTTP/1.0\n\n';
/** What the server answers. */
export const connectedLine = 'HTTP/1.0 200 Connected to Go RPC\n\n';

/** Head of every call, before its argument. */
export const requestType = structOf('Request', { ServiceMethod: gobString, Seq: gobUint });
/** Head of every reply, before its content. */
export const responseType = structOf('Response', {
  ServiceMethod: gobString,
  Seq: gobUint,
  Error: gobString,
});

const HEAD_MAX_BYTES = 4096;

/**
 * The lines up to and with the first empty one, which end with LF or CRLF.
 * @returns undefined when the stream ends before, or the head is longer than 4096 bytes.
 */
export async function readHead(source: ByteSource): Promise<readonly string[] | undefined> {
  let text = '';
  while (!/\r?\n\r?\n$/.test(text)) {
    const byte = await source.read(1);
    if (byte === undefined || text.length === HEAD_MAX_BYTES) {
      return undefined;
    }
    text += String.fromCharCode(byte[0] as number);
  }
  return text.trimEnd().split(/\r?\n/);
}
