import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { makeCompatibleStore, type CompatibleStore } from '../../support/compatible.ts';
import { makeLeaf, startEngine, type FakeEngine } from '../engine/tls-engine.ts';

/** A store in which machines of the driver none can be made whose engine answers over mutual TLS. */
export interface ClientWorld {
  readonly store: CompatibleStore;
  readonly engine: FakeEngine;
}

/** Makes it; it ends with the test. The store has its certificates and no machine yet. */
export async function makeClientWorld(t: ExecutionContext): Promise<ClientWorld> {
  const store = await makeCompatibleStore();
  t.teardown(() => store.dispose());
  // The first machine makes the CA, of which the engine needs a certificate.
  const created = await store.dockerMachine(['create', '-d', 'none', '--url', 'tcp://127.0.0.1:1', 'first']);
  t.is(created.code, 0, created.stderr);
  t.is((await store.dockerMachine(['rm', '-y', 'first'])).code, 0);
  const read = (name: string): Promise<string> => readFile(path.join(store.path, 'certs', name), 'utf8');
  const ca = { certPem: await read('ca.pem'), keyPem: await read('ca-key.pem') };
  const engine = await startEngine({ clientCa: ca.certPem, server: await makeLeaf(ca, {}) });
  t.teardown(() => engine.close());
  return { store, engine };
}

/** Makes a machine with the engine of the world. */
export async function addMachine(
  t: ExecutionContext,
  { store, engine }: ClientWorld,
  name: string,
): Promise<void> {
  const created = await store.dockerMachine(['create', '-d', 'none', '--url', engine.url, name]);
  t.is(created.code, 0, created.stderr);
}
