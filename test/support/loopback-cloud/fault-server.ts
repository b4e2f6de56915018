import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// A cloud on this computer: writes down what it is asked, and makes faults. What it does with a request is the caller's.

/** A request as the cloud gets it. */
export interface CloudRequest {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** From 1, of this server. */
  readonly index: number;
}

export interface CloudAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What is done to a request instead of, or besides, answering it. */
export type Fault =
  /** The connection is cut before the request is carried out, or after it. */
  { readonly kind: 'cut'; readonly when: 'before' | 'after' } | ({ readonly kind: 'answer' } & CloudAnswer);

/** Settings of a server; tests change them as they go. */
export interface FaultServer<Request extends CloudRequest = CloudRequest> {
  readonly url: string;
  /** `127.0.0.1:PORT`. */
  readonly endpoint: string;
  readonly requests: Request[];
  /** Called before a request is carried out, and after it, before the answer is sent. */
  onRequest: (request: Request) => Fault | undefined | Promise<Fault | undefined>;
  onDone: (request: Request) => void | Promise<void>;
  close(): Promise<void>;
}

/** Starts a server on loopback. `read` adds to a request what stands in its own form. */
export async function startFaultServer<Request extends CloudRequest>(
  read: (request: CloudRequest) => Request,
  carryOut: (request: Request) => CloudAnswer | Promise<CloudAnswer>,
): Promise<FaultServer<Request>> {
  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await readAll(incoming);
    const url = new URL(incoming.url ?? '/', 'http://cloud');
    const request = read({
      method: incoming.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      headers: incoming.headers,
      body,
      index: server.requests.length + 1,
    });
    server.requests.push(request);
    const fault = await server.onRequest(request);
    if (fault?.kind === 'cut' && fault.when === 'before') {
      incoming.socket.destroy();
      return;
    }
    const answer = fault?.kind === 'answer' ? fault : await carryOut(request);
    await server.onDone(request);
    if (fault?.kind === 'cut') {
      incoming.socket.destroy();
      return;
    }
    const length = answer.status === 204 ? {} : { 'content-length': String(Buffer.byteLength(answer.body)) };
    outgoing.writeHead(answer.status, { ...answer.headers, ...length });
    outgoing.end(answer.status === 204 ? undefined : answer.body);
  };
  const listener = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch((error: unknown) => {
      // A mistake of the test's own cloud must not look like a fault of the network.
      outgoing.writeHead(599, { 'content-type': 'text/plain' });
      outgoing.end(String(error));
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const endpoint = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const server: FaultServer<Request> = {
    url: `http://${endpoint}`,
    endpoint,
    requests: [],
    onRequest: () => undefined,
    onDone: () => undefined,
    close: async () => {
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
  return server;
}

/** `METHOD /path`, for messages and tests. */
export function nameOf({ method, path }: CloudRequest): string {
  return `${method} ${path}`;
}

/** An answer of JSON. */
export function jsonAnswer(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): CloudAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
