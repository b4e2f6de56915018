import type { Socket } from 'node:net';
import test from 'ava';
import { get, type EngineAnswer } from '../../../src/engine/exchange.ts';
import { createSocketPair } from '../../fakes/host.ts';

/** What comes of an answer that arrives in these pieces. */
async function answerTo(pieces: readonly string[], end: 'end' | 'stay' = 'end'): Promise<EngineAnswer> {
  const [ours, theirs]: readonly [Socket, Socket] = createSocketPair();
  const answer = get(ours, '/version');
  for (const piece of pieces) {
    theirs.write(piece);
  }
  if (end === 'end') {
    theirs.end();
  }
  return answer;
}

const body = '{"Version":"27.1.1","Os":"ümlaut"}';
const whole = `HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nApi-Version: 1.46\r\n\r\n${body}`;
const measured = `HTTP/1.1 404 Not Found\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

test('the request is one of HTTP/1.0, so that nothing comes in pieces', async (t) => {
  const [ours, theirs] = createSocketPair();
  const request = new Promise<string>((resolve) =>
    theirs.once('data', (data: Buffer) => {
      resolve(String(data));
    }),
  );
  void get(ours, '/_ping').catch(() => undefined);
  t.is(await request, 'GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n');
  theirs.end();
});

test('an answer ends with the connection, or where its length says', async (t) => {
  const headers = { 'content-type': 'application/json', 'api-version': '1.46' };
  t.deepEqual(await answerTo([whole]), { status: 200, headers, body });
  const length = { 'content-length': String(Buffer.byteLength(body)) };
  for (const end of ['end', 'stay'] as const) {
    t.deepEqual(await answerTo([`${measured} and more`], end), { status: 404, headers: length, body });
  }
});

test('it may come in any pieces', async (t) => {
  for (const text of [whole, measured]) {
    for (let at = 1; at < text.length; at += 1) {
      t.is((await answerTo([text.slice(0, at), text.slice(at)])).body, body);
    }
    t.is((await answerTo(Array.from(text))).body, body);
  }
});

test('what is cut off is an error of the connection, and what is no HTTP another', async (t) => {
  for (const pieces of [[], [measured.slice(0, -1)]]) {
    const error = await t.throwsAsync(answerTo(pieces));
    t.is((error as NodeJS.ErrnoException).code, 'ECONNRESET');
  }
  for (const text of ['SSH-2.0-OpenSSH_9.2\r\n', 'HTTP/2 200\r\n\r\n', 'HTTP/1.0 200 OK\r\nA: b\r\n']) {
    await t.throwsAsync(answerTo([text]), { message: 'what answers does not speak HTTP' });
  }
});

test('an answer without end is given up', async (t) => {
  const piece = 'x'.repeat(1024 * 1024);
  const pieces = ['HTTP/1.0 200 OK\r\n\r\n', ...Array.from({ length: 17 }, () => piece)];
  await t.throwsAsync(answerTo(pieces), { message: /^the engine's answer is longer than/ });
});
