import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { createFakeHost } from '../../fakes/host.ts';
import { installLinuxHost, type MemoryLinuxHost } from '../../fakes/linux-host.ts';
import { hostKeyOf } from './host-key-of.ts';

// Hosts of a cloud without a system: SSH and an engine behind real sockets, each at an address of loopback of its own. Very
// many of them cost little.

/** Where they listen for SSH; port 22 is not for everybody. */
export const pretendedSshPort = 22_022;
const enginePort = 2376;

export interface PretendedHosts {
  /** By the id of their machine. */
  readonly running: ReadonlyMap<string, MemoryLinuxHost>;
  /** Gives its address. */
  boot(id: string, userData: string): Promise<string>;
  /** An id of which there is none is success. */
  end(id: string): Promise<void>;
  stop(): Promise<void>;
}

interface Booted {
  readonly linux: MemoryLinuxHost;
  readonly close: () => Promise<void>;
}

/** Why they cannot be; undefined when they can. */
export async function pretendedMissing(): Promise<string | undefined> {
  try {
    await (await listen(createServer(), '127.85.255.1', 0)).close();
    return undefined;
  } catch {
    return 'needs all of 127.0.0.0/8 on the loopback interface';
  }
}

export function createPretendedHosts(): PretendedHosts {
  const booted = new Map<string, Booted>();
  const running = new Map<string, MemoryLinuxHost>();
  // Tests run side by side in processes of their own.
  const network = `127.${85 + (process.pid % 64)}.${(process.pid >> 6) % 250}`;
  let last = 0;
  const end = async (id: string): Promise<void> => {
    const host = booted.get(id);
    booted.delete(id);
    running.delete(id);
    await host?.close();
  };
  return {
    running,
    boot: async (id, userData) => {
      last += 1;
      const address = `${network}.${last}`;
      const linux = installLinuxHost(createFakeHost());
      Object.assign(linux, { hasEngine: true, engineRuns: true });
      linux.ssh.hostKey = hostKeyOf(userData);
      const sshServer = createServer((socket) => {
        join(socket, linux.ssh.connect());
      });
      const listeners = [
        await listen(sshServer, address, pretendedSshPort),
        await listen(engineOf(linux), address, enginePort),
      ];
      running.set(id, linux);
      booted.set(id, {
        linux,
        close: async () => {
          await Promise.all(listeners.map(async (listener) => listener.close()));
        },
      });
      return address;
    },
    end,
    stop: async () => {
      for (const id of [...booted.keys()]) {
        await end(id);
      }
    },
  };
}

/** An engine that answers whatever it is asked, with the certificates that it was given, to whom these let in. */
function engineOf(linux: MemoryLinuxHost): Server {
  return createServer((socket) => {
    const file = (name: string): string => linux.files.get(`/etc/docker/${name}`) ?? '';
    if (file('server.pem') === '') {
      socket.destroy();
      return;
    }
    const server = createTlsServer({
      ca: file('ca.pem'),
      cert: file('server.pem'),
      key: file('server-key.pem'),
      requestCert: true,
      rejectUnauthorized: true,
    });
    server.on('secureConnection', (secure) => {
      secure.on('error', () => undefined);
      secure.once('data', () => {
        secure.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK');
      });
    });
    server.on('tlsClientError', () => undefined);
    server.emit('connection', socket);
  });
}

function join(one: Socket, other: Socket): void {
  one.pipe(other).pipe(one);
  for (const socket of [one, other]) {
    socket.on('error', () => {
      one.destroy();
      other.destroy();
    });
  }
}

async function listen(server: Server, address: string, port: number): Promise<{ close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
  server.unref();
  return {
    close: async () => {
      for (const socket of sockets) {
        socket.destroy();
      }
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
