import { createSocket, type RemoteInfo } from 'node:dgram';
import { createServer, isIPv6, type Socket } from 'node:net';
import type { DatagramSocket, Listener, PortAddress } from './types.ts';

/** See Network.listenAt. */
export async function listenAt(
  address: PortAddress,
  onConnection: (socket: Socket) => void,
): Promise<Listener> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
    });
    onConnection(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...address, exclusive: true, ipv6Only: isIPv6(address.host) }, resolve);
  });
  // A connection that could not be taken over is its client's trouble.
  server.on('error', () => undefined);
  return {
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) {
        socket.destroy();
      }
      await closed;
    },
  };
}

/** See Network.bindDatagrams. */
export async function bindDatagrams(
  address: PortAddress,
  onMessage: (message: Uint8Array, from: PortAddress) => void,
): Promise<DatagramSocket> {
  const isV6 = isIPv6(address.host);
  const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', ...(isV6 ? { ipv6Only: true } : {}) });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address: address.host, port: address.port, exclusive: true }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  // Such as the answer that nobody listens where the last datagram went.
  socket.on('error', () => undefined);
  socket.on('message', (message: Uint8Array, { address: host, port }: RemoteInfo) => {
    onMessage(message, { host, port });
  });
  return {
    send: (message, to) => {
      socket.send(message, to.port, to.host, () => undefined);
    },
    close: async () => {
      await new Promise<void>((resolve) => {
        socket.close(resolve);
      });
    },
  };
}
