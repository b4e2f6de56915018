import type { Socket } from 'node:net';

/** A whole answer. */
export interface EngineAnswer {
  readonly status: number;
  /** By lower-case name; of one that comes more than once the last. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const answerMaxBytes = 16 * 1024 * 1024;
const headEnd = '\r\n\r\n';

/**
 * One GET over an open connection, by HTTP/1.0 (RFC 1945): to such a request a server neither answers in pieces nor keeps
 * the connection, so that reading the answer takes no parser, and no module that is slow to load.
 * @throws system errors of the socket; ECONNRESET when it ends before the answer does.
 */
export function get(socket: Socket, path: string): Promise<EngineAnswer> {
  if (socket.destroyed) {
    // A refusal that came together with the end of the handshake.
    return Promise.reject(socket.errored ?? cut());
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    let head: Head | undefined;
    const finish = (): void => {
      if (head === undefined) {
        reject(sizeBytes === 0 ? cut() : new Error('what answers does not speak HTTP'));
      } else if (sizeBytes < (head.wholeBytes ?? 0)) {
        reject(cut());
      } else {
        const bytes = Buffer.concat(chunks).subarray(head.sizeBytes, head.wholeBytes);
        resolve({ status: head.status, headers: head.headers, body: bytes.toString('utf8') });
      }
    };
    // Errors that come when the answer is complete, or after the first, have nobody else to hear them.
    socket.on('error', reject);
    socket.once('close', finish).once('end', finish);
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      head ??= readHead(chunks);
      if (sizeBytes > answerMaxBytes) {
        socket.destroy(new Error(`the engine's answer is longer than ${answerMaxBytes} bytes`));
      } else if (head?.wholeBytes !== undefined && sizeBytes >= head.wholeBytes) {
        finish();
      }
    });
    socket.write(`GET ${path} HTTP/1.0\r\nHost: docker\r\n\r\n`);
  });
}

interface Head extends Pick<EngineAnswer, 'status' | 'headers'> {
  readonly sizeBytes: number;
  /** Of head and body; undefined when the body ends with the connection. */
  readonly wholeBytes: number | undefined;
}

/** Undefined until the head is complete, and for what is none. */
function readHead(chunks: readonly Buffer[]): Head | undefined {
  const text = Buffer.concat(chunks).toString('latin1');
  const end = text.indexOf(headEnd);
  const [first = '', ...lines] = text.slice(0, Math.max(0, end)).split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1];
  if (status === undefined) {
    return undefined;
  }
  const headers = Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim()];
    }),
  );
  const sizeBytes = end + headEnd.length;
  const length = headers['content-length'];
  const wholeBytes =
    length !== undefined && /^\d{1,15}$/.test(length) ? sizeBytes + Number(length) : undefined;
  return { status: Number(status), headers, sizeBytes, wholeBytes };
}

/** The error of a connection that was closed, as the system has it. */
function cut(): Error {
  return Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' });
}
