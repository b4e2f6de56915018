import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createHttpServer } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { isMachineError, type MachineError } from '../../../src/core/errors.ts';
import { engineGet, engineInfo, engineVersion, pingEngine } from '../../../src/engine/client.ts';
import { createHost } from '../../../src/host/real.ts';
import type { TlsMaterial } from '../../../src/host/types.ts';
import type { CertifiedKey } from '../../../src/tls/types.ts';
import { makeCa, makeLeaf, startEngine, type FakeEngine } from './tls-engine.ts';

const host = createHost();
const timeoutMs = 20_000;

function materialOf(ca: CertifiedKey, client: CertifiedKey): TlsMaterial {
  return { ca: ca.certPem, cert: client.certPem, key: client.keyPem };
}

function temporaryDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsmachine-engine-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

async function failure(work: Promise<unknown>): Promise<MachineError> {
  try {
    await work;
  } catch (error) {
    if (isMachineError(error)) {
      return error;
    }
    throw error;
  }
  throw new Error('it should have failed');
}

async function listening(t: ExecutionContext, server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) {
      socket.destroy();
    }
    server.close();
  });
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A CA, a good client, and an engine; `change` spoils one of them. */
async function setUp(
  t: ExecutionContext,
  change: (
    ca: CertifiedKey,
  ) => Promise<{ server?: CertifiedKey; client?: CertifiedKey; clientCa?: CertifiedKey }>,
  options: Partial<Parameters<typeof startEngine>[0]> = {},
): Promise<{ engine: FakeEngine; material: TlsMaterial }> {
  const ca = await makeCa();
  const changed = await change(ca);
  const engine = await startEngine({
    clientCa: (changed.clientCa ?? ca).certPem,
    server: changed.server ?? (await makeLeaf(ca, {})),
    ...options,
  });
  t.teardown(() => engine.close());
  const client = changed.client ?? (await makeLeaf(ca, { purpose: 'client', sans: [] }));
  return { engine, material: materialOf(ca, client) };
}

const nothing = async (): Promise<Record<string, never>> => ({});

test('ping, version and info of an engine that is in order', async (t) => {
  const { engine, material } = await setUp(t, nothing);
  t.deepEqual(await pingEngine(host, engine.url, material, { timeoutMs }), {
    apiVersion: '1.47',
    osType: 'linux',
  });
  const version = await engineVersion(host, engine.url, material, { timeoutMs });
  t.is(version.version, '27.5.1');
  t.is(version.minApiVersion, '1.24');
  const info = await engineInfo(host, engine.url, material, { timeoutMs });
  t.like(info, {
    name: 'dev',
    cpuCount: 2,
    memoryBytes: 1024,
    containers: 3,
    images: 0,
    swarmState: 'inactive',
    labels: ['a=b'],
  });
  t.deepEqual(engine.requests, ['/_ping', '/version', '/info']);
});

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const tls = { minVersion: version, maxVersion: version };

  test(`${version}: what is wrong with the server's certificate is named`, async (t) => {
    const cases: [trouble: string, leaf: (ca: CertifiedKey) => Promise<CertifiedKey>][] = [
      ['wrong-ca', async () => makeLeaf(await makeCa('eve'), {})],
      ['server-expired', (ca) => makeLeaf(ca, { fromDays: -5, toDays: -1 })],
      ['server-not-yet-valid', (ca) => makeLeaf(ca, { fromDays: 1, toDays: 5 })],
      ['server-name', (ca) => makeLeaf(ca, { sans: ['10.9.8.7', 'other.test'] })],
      ['server-purpose', (ca) => makeLeaf(ca, { purpose: 'client' })],
    ];
    for (const [trouble, leaf] of cases) {
      const { engine, material } = await setUp(t, async (ca) => ({ server: await leaf(ca) }), { tls });
      const error = await failure(pingEngine(host, engine.url, material, { timeoutMs }));
      t.is(error.facts['trouble'], trouble, String(error.cause));
      t.is(error.code, 'tls-mismatch');
      t.deepEqual(engine.requests, []);
    }
  });

  test(`${version}: what is wrong with the client's certificate is named`, async (t) => {
    const other = await makeCa('eve');
    const cases: [trouble: string, leaf: (ca: CertifiedKey) => Promise<CertifiedKey>][] = [
      ['client-other-ca', () => makeLeaf(other, { purpose: 'client' })],
      ['client-expired', (ca) => makeLeaf(ca, { purpose: 'client', fromDays: -5, toDays: -1 })],
      ['client-not-yet-valid', (ca) => makeLeaf(ca, { purpose: 'client', fromDays: 1, toDays: 5 })],
      ['client-purpose', (ca) => makeLeaf(ca, { purpose: 'server' })],
    ];
    for (const [trouble, leaf] of cases) {
      const { engine, material } = await setUp(t, async (ca) => ({ client: await leaf(ca) }), { tls });
      const error = await failure(pingEngine(host, engine.url, material, { timeoutMs }));
      t.is(error.facts['trouble'], trouble, String(error.cause));
      t.deepEqual(engine.requests, []);
    }
  });

  test(`${version}: an engine that trusts another CA for clients is told from a bad certificate`, async (t) => {
    const { engine, material } = await setUp(t, async () => ({ clientCa: await makeCa('eve') }), { tls });
    const error = await failure(pingEngine(host, engine.url, material, { timeoutMs }));
    t.true(['client-refused', 'closed-early'].includes(String(error.facts['trouble'])), String(error.cause));
    t.regex(`${error.message} ${error.why ?? ''}`, /client certificate|another CA/);
  });
}

test('a key that does not belong to the certificate is found before anything is sent', async (t) => {
  const { engine, material } = await setUp(t, nothing);
  const stranger = await makeCa();
  const error = await failure(
    pingEngine(host, engine.url, { ...material, key: stranger.keyPem }, { timeoutMs }),
  );
  t.is(error.code, 'certificate-invalid');
  const rubbish = await failure(
    pingEngine(host, engine.url, { ...material, cert: 'rubbish' }, { timeoutMs }),
  );
  t.is(rubbish.code, 'certificate-invalid');
  t.is((await failure(pingEngine(host, engine.url, undefined, { timeoutMs }))).code, 'certificate-invalid');
});

test('what is wrong with the network is named', async (t) => {
  const { material } = await setUp(t, nothing);
  const closed = createServer();
  const closedUrl = await listening(t, closed);
  await new Promise((resolve) => closed.close(resolve));
  const cases: [trouble: string, url: string][] = [
    ['port-closed', closedUrl],
    ['port-closed', `unix://${join(temporaryDirectory(t), 'none.sock')}`],
    [
      'closed-early',
      await listening(
        t,
        createServer((socket) => socket.destroy()),
      ),
    ],
    ['no-answer', await listening(t, createServer())],
    [
      'not-tls',
      await listening(
        t,
        createHttpServer((_, response) => response.end('hello')),
      ),
    ],
    ['name-unknown', 'tcp://no-such-host.invalid:2376'],
  ];
  for (const [trouble, url] of cases) {
    const error = await failure(
      pingEngine(host, url, material, { timeoutMs: trouble === 'no-answer' ? 300 : timeoutMs }),
    );
    t.is(error.facts['trouble'], trouble, `${url} ${String(error.cause)}`);
    t.true(error.remedies.length > 0);
  }
});

test('an engine that takes the request and never answers, or stops in the middle', async (t) => {
  const silent = await setUp(t, nothing, { answer: () => undefined });
  const startMs = Date.now();
  const error = await failure(pingEngine(host, silent.engine.url, silent.material, { timeoutMs: 1_000 }));
  t.is(error.facts['trouble'], 'no-answer');
  t.true(Date.now() - startMs < 10_000);
  const broken = await setUp(t, nothing, {
    answer: (_, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('half', () => response.destroy());
    },
  });
  const cut = await failure(engineVersion(host, broken.engine.url, broken.material, { timeoutMs }));
  t.is(cut.code, 'engine-unreachable');
});

test('answers that are not those of an engine', async (t) => {
  const wrongStatus = await setUp(t, nothing, {
    answer: (_, response) => {
      response.statusCode = 503;
      response.end('{"message":"starting \u001b[31m"}');
    },
  });
  const status = await failure(pingEngine(host, wrongStatus.engine.url, wrongStatus.material, { timeoutMs }));
  t.is(status.facts['status'], 503);
  t.false(status.why?.includes('\u001b'));
  const text = await setUp(t, nothing, { answer: (_, response) => response.end('hello') });
  t.regex(
    (await failure(engineVersion(host, text.engine.url, text.material, { timeoutMs }))).message,
    /not a Docker engine/,
  );
  const endless = await setUp(t, nothing, {
    answer: (_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) {
          continue;
        }
      };
      response.on('drain', more);
      more();
    },
  });
  const long = await failure(
    engineGet(host, { ...endless.engine, material: endless.material }, '/x', { timeoutMs }),
  );
  t.regex(long.why ?? '', /longer than/);
});

test('an interrupt ends the wait at once, with its own reason', async (t) => {
  const { engine, material } = await setUp(t, nothing, { answer: () => undefined });
  const abort = new AbortController();
  const ping = pingEngine(host, engine.url, material, { timeoutMs, signal: abort.signal });
  setTimeout(() => {
    abort.abort(new Error('Ctrl-C'));
  }, 200);
  await t.throwsAsync(ping, { message: 'Ctrl-C' });
});

test('an engine behind a socket needs no certificates', async (t) => {
  const path = join(temporaryDirectory(t), 'docker.sock');
  const server = createHttpServer((_, response) => response.setHeader('Api-Version', '1.40').end('OK'));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => server.close());
  t.is((await pingEngine(host, `unix://${path}`, undefined, { timeoutMs })).apiVersion, '1.40');
});
