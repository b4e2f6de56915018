import { connect, createServer, isIP, type Socket } from 'node:net';
import type {
  DetailedPeerCertificate,
  PeerCertificate,
  SecureContext,
  SecureContextOptions,
  TLSSocket,
} from 'node:tls';
import type { Address, Network, TlsMaterial } from './types.ts';

/** The part of node:tls that is used beside connections; the module itself loads late. */
interface TlsModule {
  createSecureContext(options: SecureContextOptions): SecureContext;
  checkServerIdentity(name: string, certificate: PeerCertificate): Error | undefined;
}

interface Bounds {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Sockets of the real system. TLS is loaded when it is first used. */
export function createNetwork(): Network {
  const contextOf = createContextCache();
  return {
    connect: async (address, options) => {
      options.signal?.throwIfAborted();
      const { allowHalfOpen = false } = options;
      return settled(connect({ ...address, allowHalfOpen }), 'connect', options, address);
    },
    connectTls: async (address, material, options) => {
      options.signal?.throwIfAborted();
      const tls = await import('node:tls');
      const socket: TLSSocket = tls.connect({
        host: address.host,
        port: address.port,
        secureContext: contextOf(tls, material),
        // An IP address must not be sent as a server name (RFC 6066, section 3).
        ...(isIP(address.host) === 0 ? { servername: address.host } : {}),
        rejectUnauthorized: true,
        checkServerIdentity: (name) => checkIdentity(tls, socket, name),
      });
      // Node hands it the certificate and its issuers as plain objects, which take longer than the rest of the handshake.
      socket.getPeerCertificate = () => ({}) as DetailedPeerCertificate;
      return settled(socket, 'secureConnect', options, address);
    },
    listen,
    listenAt: async (address, onConnection) => (await import('./listen.ts')).listenAt(address, onConnection),
    bindDatagrams: async (address, onMessage) =>
      (await import('./listen.ts')).bindDatagrams(address, onMessage),
    isPortFree,
  };
}

/**
 * Whether the server's certificate names it. OpenSSL says yes quickly, by the same rules or stricter ones; what it does not
 * find is left to Node, whose error names what is there.
 */
function checkIdentity(tls: TlsModule, socket: TLSSocket, name: string): Error | undefined {
  // From here on the method is that of every socket.
  Reflect.deleteProperty(socket, 'getPeerCertificate');
  const certificate = socket.getPeerX509Certificate();
  // Node takes it out of the chain when it is asked for it, and finds none the next time (seen with 20.20).
  socket.getPeerX509Certificate = () => certificate;
  const found =
    isIP(name) === 0
      ? certificate?.checkHost(name, { subject: 'never', partialWildcards: false })
      : certificate?.checkIP(name);
  return found === undefined ? tls.checkServerIdentity(name, socket.getPeerCertificate(true)) : undefined;
}

async function listen(
  onConnection: (socket: Socket) => void,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
    });
    onConnection(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) {
        socket.destroy();
      }
      await closed;
    },
  };
}

/**
 * Reading certificates and key costs more than the handshake itself. The machines of a store share theirs, so a
 * list of hundreds reads them once.
 */
function createContextCache(): (tls: TlsModule, material: TlsMaterial) => SecureContext {
  let last: { readonly material: TlsMaterial; readonly context: SecureContext } | undefined;
  return (tls, material) => {
    const { ca, cert, key } = material;
    const same = last?.material.ca === ca && last.material.cert === cert && last.material.key === key;
    if (last === undefined || !same) {
      last = { material, context: tls.createSecureContext({ ca, cert, key, minVersion: 'TLSv1.2' }) };
    }
    return last.context;
  };
}

/** Waits for the event that says that the socket is ready; destroys it on error, time-out and abort. */
async function settled<T extends Socket>(
  socket: T,
  event: 'connect' | 'secureConnect',
  bounds: Bounds,
  address: Address,
): Promise<T> {
  const { promise, resolve, reject } = withResolvers<T>();
  const onReady = (): void => {
    resolve(socket);
  };
  const onClose = (): void => {
    reject(systemError('ECONNRESET', `${nameOf(address)} closed the connection`));
  };
  const onAbort = (): void => {
    reject(bounds.signal?.reason);
  };
  const timer = setTimeout(() => {
    reject(systemError('ETIMEDOUT', `no answer from ${nameOf(address)} within ${bounds.timeoutMs} ms`));
  }, bounds.timeoutMs);
  socket.once(event, onReady).once('error', reject).once('close', onClose);
  bounds.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } catch (error) {
    socket.on('error', () => undefined).destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    socket.off(event, onReady).off('error', reject).off('close', onClose);
    bounds.signal?.removeEventListener('abort', onAbort);
  }
}

async function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

function nameOf(address: Address): string {
  return 'path' in address ? address.path : `${address.host}:${address.port}`;
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: unknown) => void;
} {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}
