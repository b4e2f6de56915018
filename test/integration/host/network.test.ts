import { X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import fs from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:tls';
import test from 'ava';
import { createHost } from '../../../src/host/real.ts';
import { makeIdentity } from './certificates.ts';

const { network } = createHost();
const codeOf = async (action: Promise<unknown>): Promise<string> =>
  action.then(
    () => 'connected',
    (error: unknown) => String((error as { code?: unknown }).code),
  );
const listen = async (server: Server, where: object): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(where, resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

test('TCP: connected, refused, a taken and a free port', async (t) => {
  const server = createServer((socket) => socket.end('hello'));
  const port = await listen(server, { host: '127.0.0.1', port: 0 });
  t.false(await network.isPortFree(port));
  const socket = await network.connect({ host: '127.0.0.1', port }, { timeoutMs: 5000 });
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
  }
  t.is(text, 'hello');
  await new Promise((resolve) => server.close(resolve));
  t.true(await network.isPortFree(port));
  t.is(await codeOf(network.connect({ host: '127.0.0.1', port }, { timeoutMs: 5000 })), 'ECONNREFUSED');
  t.is(await codeOf(network.connect({ host: 'localhost', port }, { timeoutMs: 5000 })), 'ECONNREFUSED');
});

test('unix sockets', async (t) => {
  if (process.platform === 'win32') {
    t.log('skipped: needs unix sockets');
    t.pass();
    return;
  }
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tsmachine-net-'));
  const name = path.join(dir, 's');
  t.is(await codeOf(network.connect({ path: name }, { timeoutMs: 5000 })), 'ENOENT');
  const server = createServer();
  await listen(server, { path: name });
  const socket = await network.connect({ path: name }, { timeoutMs: 5000 });
  socket.destroy();
  server.close();
  await fs.rm(dir, { recursive: true });
  t.pass();
});

test('an abort ends a connection attempt with its reason', async (t) => {
  const abort = AbortSignal.abort(new Error('stop'));
  const options = { timeoutMs: 5000, signal: abort };
  await t.throwsAsync(network.connect({ host: '127.0.0.1', port: 1 }, options), { message: 'stop' });
});

test('a server that never shakes hands is given up', async (t) => {
  const server = createServer();
  const port = await listen(server, { host: '127.0.0.1', port: 0 });
  const material = { ca: '', cert: '', key: '' };
  const startedMs = Date.now();
  t.is(
    await codeOf(network.connectTls({ host: '127.0.0.1', port }, material, { timeoutMs: 300 })),
    'ETIMEDOUT',
  );
  t.true(Date.now() - startedMs < 5000);
  const abort = new AbortController();
  setTimeout(() => {
    abort.abort(new Error('stop'));
  }, 100);
  const aborted = network.connectTls({ host: '127.0.0.1', port }, material, {
    timeoutMs: 9000,
    signal: abort.signal,
  });
  await t.throwsAsync(aborted, { message: 'stop' });
  server.close();
});

test('mutual TLS: accepted with the right certificates, refused with another CA or name', async (t) => {
  const server = makeIdentity(['127.0.0.1', 'localhost']);
  const stranger = makeIdentity(['elsewhere.test']);
  const options = {
    cert: server.cert,
    key: server.key,
    ca: server.ca,
    requestCert: true,
    rejectUnauthorized: true,
  };
  const listener = createTlsServer(options, (socket) => {
    socket.on('error', () => undefined).end('hello');
  });
  listener.on('tlsClientError', () => undefined);
  const port = await listen(listener, { host: '127.0.0.1', port: 0 });
  for (const name of ['127.0.0.1', 'localhost']) {
    const socket = await network.connectTls({ host: name, port }, server, { timeoutMs: 5000 });
    const shown = [0, 1].map(() => socket.getPeerX509Certificate()?.fingerprint256);
    t.deepEqual(
      shown,
      Array(2).fill(new X509Certificate(server.cert).fingerprint256),
      'however often it is asked',
    );
    t.true(socket.authorized);
    let text = '';
    for await (const chunk of socket) {
      text += String(chunk);
    }
    t.is(text, 'hello');
  }
  const other = network.connectTls(
    { host: '127.0.0.1', port },
    { ...server, ca: stranger.ca },
    { timeoutMs: 5000 },
  );
  t.regex(await codeOf(other), /UNABLE_TO_VERIFY|CERT_SIGNATURE_FAILURE|SELF_SIGNED/);
  listener.close();
  const wrongName = createTlsServer({ cert: stranger.cert, key: stranger.key });
  const wrongPort = await listen(wrongName, { host: '127.0.0.1', port: 0 });
  const refused = network.connectTls(
    { host: '127.0.0.1', port: wrongPort },
    { ...server, ca: stranger.ca },
    { timeoutMs: 5000 },
  );
  t.is(await codeOf(refused), 'ERR_TLS_CERT_ALTNAME_INVALID');
  wrongName.close();
});
