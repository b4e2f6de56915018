import { createServer, type Socket } from 'node:net';
import test from 'ava';
import { relayToPort } from '../../../src/agent/relay.ts';
import { createHost } from '../../../src/host/real.ts';
import { askTcp, askUdp, freePort } from '../../support/sockets.ts';

const host = createHost();

test('what is said comes through whole in both directions, and each side ends by itself', async (t) => {
  const received: Buffer[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    // The answer begins when the question has ended.
    socket.on('end', () => socket.end('y'.repeat(3_000_000)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const from = { host: '127.0.0.1', port: await freePort() };
  const relay = await relayToPort(host, 'tcp', { from, to: { host: '127.0.0.1', port } });
  const answer = await askTcp(from.host, from.port, 'x'.repeat(2_000_000), 30_000);
  t.is(answer?.length, 3_000_000);
  t.is(Buffer.concat(received).length, 2_000_000);
  await relay.close();
  await new Promise((resolve) => server.close(resolve));
  t.is(await askTcp(from.host, from.port, 'x'), undefined);
});

test('where nobody listens behind it a connection is cut; the port can be had only once', async (t) => {
  const from = { host: '127.0.0.1', port: await freePort() };
  const to = { host: '127.0.0.1', port: await freePort() };
  const relay = await relayToPort(host, 'tcp', { from, to });
  t.is(await askTcp(from.host, from.port, 'x'), undefined);
  await t.throwsAsync(relayToPort(host, 'tcp', { from, to }), { code: 'EADDRINUSE' });
  await relay.close();
});

test('the end of the relay ends what goes through it', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const arrived = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const from = { host: '127.0.0.1', port: await freePort() };
  const relay = await relayToPort(host, 'tcp', { from, to: { host: '127.0.0.1', port } });
  const client = await host.network.connect(from, { timeoutMs: 5_000 });
  const ended = new Promise((resolve) => client.once('close', resolve));
  client.on('error', () => undefined);
  const far = await arrived;
  const farEnded = new Promise((resolve) => far.once('close', resolve));
  far.on('error', () => undefined).resume();
  await relay.close();
  await Promise.all([ended, farEnded]);
  await new Promise((resolve) => server.close(resolve));
  t.pass();
});

test('datagrams: every client hears its own answers', async (t) => {
  const to = { host: '127.0.0.1', port: await freePort() };
  const echo = await host.network.bindDatagrams(to, (message, client) => {
    echo.send(message, client);
  });
  const from = { host: '127.0.0.1', port: await freePort() };
  const relay = await relayToPort(host, 'udp', { from, to });
  const words = ['one', 'two', 'three', 'four'];
  t.deepEqual(await Promise.all(words.map(async (word) => askUdp(from.host, from.port, word))), words);
  await relay.close();
  await echo.close();
});

test('an address of IPv6 takes nothing of IPv4, so that both can be had', async (t) => {
  const port = await freePort();
  const to = { host: '127.0.0.1', port: await freePort() };
  try {
    const six = await relayToPort(host, 'tcp', { from: { host: '::', port }, to });
    const four = await relayToPort(host, 'tcp', { from: { host: '0.0.0.0', port }, to });
    await Promise.all([six.close(), four.close()]);
  } catch (error) {
    if (['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(String((error as { code?: unknown }).code))) {
      t.log('skipped: needs IPv6');
    } else {
      throw error;
    }
  }
  t.pass();
});
