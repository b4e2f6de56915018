import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { createServer as createHttpsServer } from 'node:https';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createMachine, machineRequest, openSession, removeMachine } from '../src/index.ts';
import { issueServerCertificate } from '../src/tls/server-certificate.ts';

/** A store for measuring, with an engine that answers and an address that never does. */
export interface BenchStore {
  readonly path: string;
  /** URL of something that speaks the engine's API over mutual TLS. */
  readonly engineUrl: string;
  /** URL of a socket that accepts and says nothing. */
  readonly blackHoleUrl: string;
  add(name: string, url: string): Promise<void>;
  remove(name: string): Promise<void>;
  dispose(): Promise<void>;
}

/** Makes the store and one machine, `default`, of the driver none. */
export async function makeBenchStore(): Promise<BenchStore> {
  const home = await mkdtemp(path.join(tmpdir(), 'tsm-bench-store-'));
  const storePath = path.join(home, 'store');
  const session = openSession({ storePath });
  const add = async (name: string, url: string): Promise<void> => {
    await createMachine(session, machineRequest(name, { driverName: 'none', flagValues: { url } }));
  };
  // The first machine makes the CA; its own URL does not matter.
  await add('first', 'tcp://127.0.0.1:1');
  const engine = await startEngine(storePath, session.host);
  const hole = createTcpServer(() => undefined);
  await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve));
  const engineUrl = `tcp://127.0.0.1:${engine.port}`;
  await add('default', engineUrl);
  return {
    path: storePath,
    engineUrl,
    blackHoleUrl: `tcp://127.0.0.1:${(hole.address() as AddressInfo).port}`,
    add,
    remove: async (name) => {
      await removeMachine(session, name, { force: false });
    },
    dispose: async () => {
      engine.close();
      hole.close();
      await rm(home, { recursive: true });
    },
  };
}

async function startEngine(
  storePath: string,
  host: ReturnType<typeof openSession>['host'],
): Promise<{ port: number; close: () => void }> {
  const read = (name: string): Promise<string> => readFile(path.join(storePath, 'certs', name), 'utf8');
  const authority = {
    ca: { certPem: await read('ca.pem'), keyPem: await read('ca-key.pem') },
    client: { certPem: await read('cert.pem'), keyPem: await read('key.pem') },
  };
  const issued = await issueServerCertificate(host, authority, {
    machineName: 'bench',
    sans: [],
    keyType: 'ec',
  });
  const server = createHttpsServer(
    { cert: issued.certPem, key: issued.keyPem, ca: authority.ca.certPem, requestCert: true },
    (request, response) => {
      response.setHeader('Content-Type', 'application/json');
      response.end(request.url === '/_ping' ? 'OK' : JSON.stringify({ Version: '1.0', ApiVersion: '1.45' }));
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
