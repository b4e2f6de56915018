import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';

/** A command line that a client runs, with everything that it hands over. */
export interface SshCommand {
  readonly command: string;
  /** What was sent to its input; resolves when all of it has come. Never, when the client goes away before. */
  readonly input: Promise<string>;
  /** Cuts the connection at once, without a word. */
  readonly cut: () => void;
}

/** What a command does. Undefined: it never ends. */
export type SshAnswer =
  { readonly stdout?: string | Buffer; readonly stderr?: string; readonly exitCode: number } | undefined;

/** An SSH server in memory. */
export interface SshServer {
  /** Private key, PEM; another one from the next connection on. */
  hostKey: string;
  /** What it says to keys. */
  acceptsKeys: boolean;
  /** How many connections are open. */
  readonly connections: number;
  /** The other end of a new connection. */
  connect(): Socket;
}

/** A server that hands every command line to `run`. */
export function createSshServer(
  hostKey: string,
  run: (command: SshCommand) => Promise<SshAnswer>,
): SshServer {
  let connections = 0;
  const server: SshServer = {
    hostKey,
    acceptsKeys: true,
    get connections() {
      return connections;
    },
    connect: () => {
      const [near, far] = createWire();
      connections += 1;
      near.once('close', () => {
        far.destroy();
      });
      far.once('close', () => {
        connections -= 1;
        near.destroy();
      });
      new ssh2.Server({ hostKeys: [server.hostKey] }, (connection) => {
        serve(connection, { server, run, cut: () => void far.destroy() });
      }).injectSocket(far);
      return near;
    },
  };
  return server;
}

/** Two ends of a connection. ssh2 is not made for an answer that comes while it still writes. */
function createWire(): readonly [Socket, Socket] {
  const make = (other: () => Duplex): Socket => {
    const end = new Duplex({
      // As with sockets: who is told that nothing more comes closes as well.
      allowHalfOpen: false,
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        process.nextTick(() => {
          other().push(Buffer.from(chunk));
          done();
        });
      },
      final: (done) => {
        process.nextTick(() => {
          other().push(null);
          done();
        });
      },
    });
    end.on('error', () => undefined);
    return Object.assign(end, { setNoDelay: () => end }) as unknown as Socket;
  };
  const near: Socket = make(() => far);
  const far: Socket = make(() => near);
  return [near, far];
}

interface Service {
  readonly server: SshServer;
  readonly run: (command: SshCommand) => Promise<SshAnswer>;
  readonly cut: () => void;
}

function serve(connection: Connection, { server, run, cut }: Service): void {
  connection.on('error', () => undefined);
  connection.on('authentication', (context) => {
    if (context.method === 'publickey' && server.acceptsKeys) {
      context.accept();
    } else {
      context.reject(['publickey']);
    }
  });
  connection.on('session', (accept) => {
    accept().on('exec', (acceptCommand, _reject, { command }) => {
      const channel = acceptCommand();
      void run({ command, input: readAll(channel), cut }).then((answer) => {
        if (answer !== undefined) {
          channel.stderr.write(answer.stderr ?? '');
          channel.write(answer.stdout ?? '');
          channel.exit(answer.exitCode);
          channel.end();
        }
      });
    });
  });
}

function readAll(channel: ServerChannel): Promise<string> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    channel.on('data', (chunk: Buffer) => chunks.push(chunk));
    channel.once('end', () => {
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
  });
}
