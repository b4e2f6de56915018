import { createSocket } from 'node:dgram';
import { connect, createServer, type Server } from 'node:net';

/** A TCP port of 127.0.0.1 that nobody has at this moment. */
export async function freePort(): Promise<number> {
  const server = await takePort(0);
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Listens on a port of 127.0.0.1, and greets. */
export async function takePort(port: number): Promise<Server> {
  const server = createServer((socket) => socket.resume().end('somebody else'));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}

/** What comes from a TCP port for what is sent; undefined when there is no connection or no answer. */
export function askTcp(
  host: string,
  port: number,
  sent: string,
  timeoutMs = 5_000,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    let received = '';
    const done = (answer: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer === '' ? undefined : answer);
    };
    const timer = setTimeout(() => {
      done(received);
    }, timeoutMs);
    socket.on('error', () => {
      done(received);
    });
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString();
    });
    socket.once('end', () => {
      done(received);
    });
    socket.end(sent);
  });
}

/** The answer of a UDP port, asked again and again as datagrams may be lost; undefined when there is none in time. */
export function askUdp(
  host: string,
  port: number,
  sent: string,
  timeoutMs = 5_000,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const done = (answer: string | undefined): void => {
      clearInterval(again);
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const send = (): void => {
      socket.send(sent, port, host, () => undefined);
    };
    const again = setInterval(send, 300);
    const timer = setTimeout(() => {
      done(undefined);
    }, timeoutMs);
    socket.on('error', () => undefined);
    socket.once('message', (message) => {
      done(message.toString());
    });
    send();
  });
}
