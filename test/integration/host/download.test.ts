import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo, type Server } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { MachineError } from '../../../src/core/errors.ts';
import { download } from '../../../src/host/download.ts';
import { createHost } from '../../../src/host/real.ts';
import { makeIdentity } from './certificates.ts';

const host = createHost();
const run = promisify(execFile);
const content = Buffer.alloc(300_000, 'tsmachine');

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  return (server.address() as AddressInfo).port;
}

async function scratch(t: ExecutionContext): Promise<string> {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tsmachine-get-'));
  t.teardown(async () => fs.rm(dir, { recursive: true, force: true }));
  return dir;
}

interface Outcome {
  readonly error: MachineError | undefined;
  readonly bytes: Buffer | undefined;
}

/** Fetches from a plain server that gives this answer. */
async function fetchPlain(
  t: ExecutionContext,
  answer: Answer,
  more: { sizeMaxBytes?: number; signal?: AbortSignal; stallTimeoutMs?: number } = {},
): Promise<Outcome> {
  const server = createServer(answer);
  const port = await portOf(server);
  const file = path.join(await scratch(t), 'image');
  const options = { sizeMaxBytes: 1_000_000, ...more };
  try {
    await download(host.facts, `http://user:sentinel@127.0.0.1:${port}/image`, file, options);
    return { error: undefined, bytes: await fs.readFile(file) };
  } catch (error) {
    return { error: error as MachineError, bytes: await fs.readFile(file).catch(() => undefined) };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('a file is fetched as it is, with progress', async (t) => {
  const progress: number[] = [];
  const server = createServer((request, response) => {
    t.is(request.headers['accept-encoding'], 'identity');
    response.setHeader('content-length', content.length).end(content);
  });
  const port = await portOf(server);
  const file = path.join(await scratch(t), 'image');
  await host.http.download(`http://localhost:${port}/x`, file, {
    sizeMaxBytes: content.length,
    onProgress: (done, total) => {
      t.is(total, content.length);
      progress.push(done);
    },
  });
  t.deepEqual(await fs.readFile(file), content);
  t.is((await fs.stat(file)).mode & 0o777, 0o600);
  t.is(progress.at(-1), content.length);
  const again = host.http.download(`http://localhost:${port}/x`, file, { sizeMaxBytes: 1 });
  t.is((await t.throwsAsync(again, { instanceOf: MachineError })).code, 'store-write-failed');
  t.deepEqual(await fs.readFile(file), content);
  server.close();
});

const bad: readonly [string, Answer, RegExp][] = [
  ['404', (_, response) => response.writeHead(404).end('no'), /404/],
  ['500', (_, response) => response.writeHead(500).end('no'), /500/],
  [
    'too large, announced',
    (_, response) => response.setHeader('content-length', 2_000_000).end('x'),
    /2000000 bytes, more than the 1000000/,
  ],
  [
    'too large, not announced',
    (_, response) => {
      response.on('error', () => undefined);
      const more = (): void => {
        response.write(content, () => {
          if (!response.destroyed) {
            setImmediate(more);
          }
        });
      };
      more();
    },
    /more than the 1000000 bytes/,
  ],
  [
    'cut off',
    (_, response) => {
      response.setHeader('content-length', content.length);
      response.write(content.subarray(0, 1000), () => response.destroy());
    },
    /./,
  ],
  ['cut off at once', (_, response) => response.destroy(), /./],
  [
    'redirect to plain HTTP elsewhere',
    (_, response) => response.writeHead(302, { location: 'http://192.0.2.1/x' }).end(),
    /redirects to http:\/\/192\.0\.2\.1, away from HTTPS/,
  ],
  [
    'redirect without end',
    (_, response) => response.writeHead(302, { location: '/again' }).end(),
    /redirect/i,
  ],
];

for (const [name, answer, why] of bad) {
  test(`nothing is left of a download that fails: ${name}`, async (t) => {
    const { error, bytes } = await fetchPlain(t, answer);
    t.is(error?.code, 'download-failed');
    t.regex(error?.why ?? '', why);
    t.is(bytes, undefined);
    t.notRegex(`${error?.message ?? ''}${error?.why ?? ''}${JSON.stringify(error?.facts)}`, /sentinel/);
  });
}

test('a redirect on this computer is followed', async (t) => {
  const { bytes } = await fetchPlain(t, (request, response) => {
    if (request.url === '/image') {
      response.writeHead(302, { location: '/other' }).end();
    } else {
      response.end('moved');
    }
  });
  t.is(String(bytes), 'moved');
});

test('a transfer that stands still is given up', async (t) => {
  const { error, bytes } = await fetchPlain(
    t,
    (_, response) => {
      response.setHeader('content-length', content.length).write(content.subarray(0, 1000));
    },
    { stallTimeoutMs: 300 },
  );
  t.is(error?.code, 'download-failed');
  t.regex(error?.why ?? '', /[Tt]imeout/);
  t.is(bytes, undefined);
});

test('an abort ends the transfer with its reason', async (t) => {
  const abort = new AbortController();
  const outcome = await fetchPlain(
    t,
    (_, response) => {
      response.write(content.subarray(0, 1000), () => {
        abort.abort(new Error('the user stopped it'));
      });
    },
    { signal: abort.signal },
  );
  t.is(outcome.error?.message, 'the user stopped it');
  t.is(outcome.bytes, undefined);
});

test('plain HTTP and other protocols are refused before anything is asked', async (t) => {
  const file = path.join(os.tmpdir(), 'tsmachine-never');
  for (const url of [
    'http://example.org/x',
    'http://localhost.example.org/x',
    'ftp://127.0.0.1/x',
    'file:///etc/passwd',
    'x',
  ]) {
    const error = await t.throwsAsync(host.http.download(url, file, { sizeMaxBytes: 1 }), {
      instanceOf: MachineError,
    });
    t.is(error.code, 'download-failed', url);
  }
  t.is(await host.files.stat(file), undefined);
});

/** Fetches in a child that trusts `ca`. */
async function fetchTls(
  t: ExecutionContext,
  url: string,
  ca: string,
  env: Record<string, string> = {},
): Promise<{ outcome: string; why?: string; text: string }> {
  const dir = await scratch(t);
  const [caFile, file] = [path.join(dir, 'ca.pem'), path.join(dir, 'image')];
  await fs.writeFile(caFile, ca);
  const child = path.join(import.meta.dirname, 'download-child.js');
  const { stdout } = await run(process.execPath, [child, url, file], {
    env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: caFile, NODE_NO_WARNINGS: '1', ...env },
  });
  const text = await fs.readFile(file, 'utf8').catch(() => '');
  return { ...(JSON.parse(stdout) as { outcome: string; why?: string }), text };
}

test('HTTPS is verified: a known CA, another CA, another name, an expired certificate, a redirect to HTTP', async (t) => {
  const good = makeIdentity(['127.0.0.1']);
  const other = makeIdentity(['elsewhere.test']);
  const expired = makeIdentity(['127.0.0.1'], -1);
  const requests: string[] = [];
  const answer: Answer = (request, response) => {
    requests.push(request.url ?? '');
    if (request.url === '/redirect') {
      response.writeHead(302, { location: 'http://127.0.0.1:9/x' }).end();
    } else {
      response.end('verified');
    }
  };
  const servers = [good, other, expired].map(({ cert, key }) => createTlsServer({ cert, key }, answer));
  t.teardown(() => {
    for (const server of servers) {
      server.close();
    }
  });
  const [goodUrl = '', otherUrl = '', expiredUrl = ''] = await Promise.all(
    servers.map(async (server) => `https://127.0.0.1:${await portOf(server)}`),
  );
  t.like(await fetchTls(t, `${goodUrl}/ok`, good.ca), { outcome: 'done', text: 'verified' });
  t.deepEqual(requests, ['/ok']);
  const refused = async (url: string, ca: string, why: RegExp): Promise<void> => {
    const { outcome, why: reason, text } = await fetchTls(t, url, ca);
    t.is(outcome, 'download-failed');
    t.regex(reason ?? '', why);
    t.is(text, '');
  };
  await refused(`${goodUrl}/no`, other.ca, /unable to verify|self.signed|issuer|signature failure/i);
  await refused(`${otherUrl}/no`, other.ca, /does not match|altnames/i);
  await refused(`${expiredUrl}/no`, expired.ca, /expired/i);
  await refused(`${goodUrl}/redirect`, good.ca, /away from HTTPS/);
  t.deepEqual(requests, ['/ok', '/redirect']);
});

test('a proxy of the environment is used, with its account, and sees no content', async (t) => {
  const identity = makeIdentity(['mirror.test']);
  const server = createTlsServer(identity, (_, response) => response.end('through the proxy'));
  const port = await portOf(server);
  const asked: string[] = [];
  const proxy = createServer();
  proxy.on('connect', (request: IncomingMessage, client: NodeJS.WritableStream & NodeJS.ReadableStream) => {
    asked.push(`${request.url ?? ''} ${request.headers['proxy-authorization'] ?? ''}`);
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      client.pipe(upstream).pipe(client);
    });
    upstream.on('error', () => undefined);
    client.on('error', () => undefined);
  });
  const proxyPort = await portOf(proxy);
  const env = { HTTPS_PROXY: `http://ann:p%40ss@127.0.0.1:${proxyPort}` };
  const found = await fetchTls(t, 'https://mirror.test/image', identity.ca, env);
  t.like(found, { outcome: 'done', text: 'through the proxy' });
  t.deepEqual(asked, [`mirror.test:443 Basic ${Buffer.from('ann:p@ss').toString('base64')}`]);
  proxy.closeAllConnections();
  proxy.close();
  server.close();
});

test('a proxy that refuses is named', async (t) => {
  const proxy = createServer();
  proxy.on('connect', (_, client: NodeJS.WritableStream) => {
    client.end('HTTP/1.1 407 No\r\n\r\n');
  });
  const proxyPort = await portOf(proxy);
  const env = { https_proxy: `http://127.0.0.1:${proxyPort}` };
  const found = await fetchTls(t, 'https://mirror.test/image', '', env);
  t.is(found.outcome, 'download-failed');
  t.regex(found.why ?? '', /proxy 127\.0\.0\.1:\d+ answered 407/);
  proxy.close();
});
