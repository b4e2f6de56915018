import { createPublicKey, createPrivateKey } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createHost } from '../../../src/host/real.ts';
import { readCertificate } from '../../../src/tls/certificate.ts';
import { issueCaCertificate, issueKey } from '../../../src/tls/issue.ts';
import { parseSubjectNames } from '../../../src/tls/names.ts';
import type { CertifiedKey } from '../../../src/tls/types.ts';
import { buildCertificate, type CertificateSpec } from '../../../src/tls/x509.ts';

const host = createHost();
const dayMs = 86_400_000;

/** A CA for a test. */
export async function makeCa(userName = 'ann'): Promise<CertifiedKey> {
  const keyPem = await issueKey('ec');
  return { keyPem, certPem: issueCaCertificate(host, keyPem, userName) };
}

/** A leaf certificate with whatever is asked for, good or bad. Days count from now. */
export async function makeLeaf(
  ca: CertifiedKey,
  wanted: Partial<Pick<CertificateSpec, 'purpose' | 'organization' | 'commonName' | 'names'>> & {
    readonly sans?: readonly string[];
    readonly fromDays?: number;
    readonly toDays?: number;
    readonly keyPem?: string;
  },
): Promise<CertifiedKey> {
  const keyPem = wanted.keyPem ?? (await issueKey('ec'));
  const certPem = buildCertificate(
    {
      purpose: wanted.purpose ?? 'server',
      organization: wanted.organization ?? 'tsmachine',
      commonName: wanted.commonName ?? 'test',
      notBeforeMs: Date.now() + (wanted.fromDays ?? -1) * dayMs,
      notAfterMs: Date.now() + (wanted.toDays ?? 10) * dayMs,
      names: wanted.names ?? parseSubjectNames(wanted.sans ?? ['127.0.0.1', 'localhost']),
      publicKey: createPublicKey(keyPem),
      serial: host.randomBytes(16),
    },
    { certificate: readCertificate(ca.certPem, 'ca'), privateKey: createPrivateKey(ca.keyPem) },
  );
  return { certPem, keyPem };
}

/** What stands in for an engine: answers the few paths that are asked for over mutual TLS. */
export interface FakeEngine {
  readonly port: number;
  readonly url: string;
  /** Paths of requests that came through. */
  readonly requests: string[];
  /** How many connections have come through the handshake. */
  connectionCount(): number;
  close(): Promise<void>;
}

/** Starts one on loopback. */
export async function startEngine(options: {
  readonly clientCa: string;
  readonly server: CertifiedKey;
  readonly tls?: Pick<ServerOptions, 'minVersion' | 'maxVersion'>;
  readonly answer?: (request: IncomingMessage, response: ServerResponse) => void;
}): Promise<FakeEngine> {
  const requests: string[] = [];
  let connectionCount = 0;
  const server = createHttpsServer(
    {
      cert: options.server.certPem,
      key: options.server.keyPem,
      ca: options.clientCa,
      requestCert: true,
      rejectUnauthorized: true,
      ...options.tls,
    },
    (request, response) => {
      requests.push(request.url ?? '');
      (options.answer ?? answerAs())(request, response);
    },
  );
  server.on('secureConnection', () => {
    connectionCount += 1;
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `tcp://127.0.0.1:${port}`,
    requests,
    connectionCount: () => connectionCount,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers as an engine that runs nothing. `architecture` as Go calls it. */
export function answerAs({ architecture = 'amd64' } = {}): (
  request: IncomingMessage,
  response: ServerResponse,
) => void {
  return (request, response) => {
    answerAsEngine(request, response, architecture);
  };
}

function answerAsEngine(request: IncomingMessage, response: ServerResponse, architecture: string): void {
  const path = (request.url ?? '').replace(/^\/v[0-9.]+/, '');
  response.setHeader('Api-Version', '1.47');
  response.setHeader('Ostype', 'linux');
  response.setHeader('Server', 'Docker/27.5.1 (linux)');
  if (path === '/_ping') {
    response.end('OK');
    return;
  }
  const bodies: Record<string, unknown> = {
    '/version': {
      Version: '27.5.1',
      ApiVersion: '1.47',
      MinAPIVersion: '1.24',
      Os: 'linux',
      Arch: architecture,
      KernelVersion: '6.12',
    },
    '/info': {
      ID: 'x',
      Name: 'dev',
      NCPU: 2,
      MemTotal: 1024,
      Containers: 3,
      Swarm: { LocalNodeState: 'inactive' },
      Labels: ['a=b', 7],
    },
  };
  response.setHeader('Content-Type', 'application/json');
  response.statusCode = path in bodies ? 200 : 404;
  response.end(JSON.stringify(bodies[path] ?? { message: 'page not found' }));
}
