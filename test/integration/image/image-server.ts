import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { makeIdentity, type TestIdentity } from '../host/certificates.ts';

/** Test helper: a web server on this computer with the files of an image. */
export interface ImageServer {
  /** Without a slash at its end. */
  readonly base: string;
  /** Environment that makes Node trust the server. */
  readonly trust: Readonly<Record<string, string>>;
  readonly files: Map<string, Uint8Array>;
  /** Names that were asked for, in order. */
  readonly requests: string[];
  /** Answers in place of the server when it returns true. */
  intercept: ((name: string, response: ServerResponse) => boolean) | undefined;
}

let identity: TestIdentity | undefined;

/** Serves by HTTPS with a certificate that nobody trusts by himself, or by plain HTTP. */
export async function imageServer(
  t: ExecutionContext,
  { folder, plain = false }: { readonly folder: string; readonly plain?: boolean },
): Promise<ImageServer> {
  // Keys take long to make: one pair does for all servers of a test file.
  identity ??= makeIdentity(['localhost', '127.0.0.1']);
  const caFile = path.join(folder, 'server-ca.pem');
  await writeFile(caFile, identity.ca);
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const name = (request.url ?? '').slice(1);
    made.requests.push(name);
    if (made.intercept?.(name, response) === true) {
      return;
    }
    const body = made.files.get(name);
    response.writeHead(body === undefined ? 404 : 200, { 'content-length': body?.length ?? 0 });
    response.end(body);
  };
  const server: Server = plain ? createPlainServer(answer) : createTlsServer(identity, answer);
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  t.teardown(() => {
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const made: ImageServer = {
    base: plain ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    trust: { NODE_EXTRA_CA_CERTS: caFile },
    files: new Map(),
    requests: [],
    intercept: undefined,
  };
  return made;
}
