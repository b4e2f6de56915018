import type { IncomingMessage, ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { openEngineLink, type EngineLink } from '../../../src/engine/link.ts';
import { createHost } from '../../../src/host/real.ts';
import { makeCa, makeLeaf, startEngine } from './tls-engine.ts';

const timeoutMs = 10_000;

async function linkTo(
  t: ExecutionContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ readonly link: EngineLink; readonly connectionCount: () => number }> {
  const ca = await makeCa();
  const client = await makeLeaf(ca, { purpose: 'client' });
  const engine = await startEngine({ clientCa: ca.certPem, server: await makeLeaf(ca, {}), answer });
  const material = { ca: ca.certPem, cert: client.certPem, key: client.keyPem };
  const link = openEngineLink(createHost(), engine.url, material);
  t.teardown(async () => {
    link.close();
    await engine.close();
  });
  return { link, connectionCount: () => engine.connectionCount() };
}

test('an answer with the clock of the engine; questions one after the other share a connection', async (t) => {
  const { link, connectionCount } = await linkTo(t, (request, response) => {
    response.setHeader('Date', 'Fri, 02 Jan 2026 03:04:05 GMT');
    response.end(request.url);
  });
  for (const path of ['/one', '/two', '/three']) {
    const { body, engineMs, sentMs, answeredMs } = await link.get(path, { timeoutMs });
    t.is(body, path);
    t.is(engineMs, Date.UTC(2026, 0, 2, 3, 4, 5));
    t.true(sentMs <= answeredMs);
  }
  t.is(connectionCount(), 1);
});

test('a status that is no success is an error with what the engine says', async (t) => {
  const { link } = await linkTo(t, (_request, response) => {
    response.statusCode = 500;
    response.end('{"message":"no\u0007 disk"}');
  });
  const error = await t.throwsAsync(link.get('/x', { timeoutMs }));
  t.like(error, { code: 'engine-unreachable', why: 'HTTP status 500: {"message":"no  disk"}' });
  await t.throwsAsync(link.stream('/x', { onOpen: () => t.fail(), onData: () => undefined }));
});

test('an engine that does not answer in time is given up, and asked over another connection next time', async (t) => {
  let isMute = true;
  const { link, connectionCount } = await linkTo(t, (_request, response) => {
    if (!isMute) {
      response.end('awake');
    }
  });
  await t.throwsAsync(link.get('/x', { timeoutMs: 300 }), { code: 'ETIMEDOUT' });
  isMute = false;
  t.is((await link.get('/x', { timeoutMs })).body, 'awake');
  t.is(connectionCount(), 2);
});

test('what is going on when the link is closed ends with an error', async (t) => {
  const { link } = await linkTo(t, (_request, response) => {
    response.write('begun');
  });
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const streaming = link.stream('/x', { onOpen: () => undefined, onData: open });
  await opened;
  link.close();
  await t.throwsAsync(streaming);
});
