import { Agent, request, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { MachineError } from '../core/errors.ts';
import type { TlsMaterial } from '../host/types.ts';
import { parseEngineUrl } from './address.ts';
import type { EngineHost } from './client.ts';

/** A whole answer, and when its request was sent and answered by the clock of this computer, in ms since the epoch. */
export interface LinkAnswer {
  readonly body: string;
  /** The engine's own clock, from the header `Date`, in whole seconds; undefined when it does not say. */
  readonly engineMs: number | undefined;
  readonly sentMs: number;
  readonly answeredMs: number;
}

/** Connections to one engine that are kept open, for a program that asks again and again. */
export interface EngineLink {
  /** @throws what the connection throws; MachineError `engine-unreachable` for other statuses than 2xx. */
  get(path: string, options: { readonly timeoutMs: number }): Promise<LinkAnswer>;
  /**
   * Reads an answer that does not end. `onOpen` is called when it has begun; resolves when the engine ends it.
   * @throws like `get`.
   */
  stream(path: string, handlers: StreamHandlers): Promise<void>;
  /** Ends every connection; what is still going on rejects. */
  close(): void;
}

/** Who reads an answer that does not end. */
export interface StreamHandlers {
  readonly onOpen: () => void;
  readonly onData: (chunk: Uint8Array) => void;
}

const connectTimeoutMs = 10_000;
const bodyBytesMax = 16 * 1024 * 1024;

/** Prepares connections; the first is made by the first request. */
export function openEngineLink(host: EngineHost, url: string, material: TlsMaterial): EngineLink {
  const agent = new LinkAgent(async () => connect(host, url, material));
  const open = new Set<{ destroy(error: Error): unknown }>();
  const send = async (path: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const message = request({ agent, path, headers: { host: 'docker' } });
      open.add(message);
      message.once('close', () => {
        open.delete(message);
      });
      message.on('error', reject);
      message.once('response', resolve);
      message.end();
    });
  return {
    get: async (path, { timeoutMs }) => {
      const sentMs = host.clock.nowMs();
      const answered = send(path).then(async (response) => {
        const answeredMs = host.clock.nowMs();
        const body = await wholeBody(response);
        requireSuccess(response, url, body);
        const date = Date.parse(response.headers.date ?? '');
        return { body, engineMs: Number.isNaN(date) ? undefined : date, sentMs, answeredMs };
      });
      return within(host, timeoutMs, answered, agent);
    },
    stream: async (path, { onOpen, onData }) => {
      const response = await send(path);
      if (response.statusCode !== 200) {
        requireSuccess(response, url, await wholeBody(response));
      }
      onOpen();
      await new Promise<void>((resolve, reject) => {
        response.on('data', onData);
        response.once('end', resolve);
        response.once('error', reject);
      });
    },
    close: () => {
      for (const message of open) {
        message.destroy(new Error('closed'));
      }
      agent.destroy();
    },
  };
}

/** Connects by a promise, and keeps what it has for the next request. */
class LinkAgent extends Agent {
  readonly #connect: () => Promise<Socket>;

  constructor(connectNew: () => Promise<Socket>) {
    super({ keepAlive: true, maxFreeSockets: 1 });
    this.#connect = connectNew;
  }

  override createConnection(
    _options: unknown,
    callback?: (error: Error | null, socket: Socket) => void,
  ): Socket {
    this.#connect().then(
      (socket) => callback?.(null, socket),
      (error: unknown) => callback?.(error as Error, undefined as unknown as Socket),
    );
    // Nothing yet: the callback brings it.
    return undefined as unknown as Socket;
  }
}

async function connect(host: EngineHost, url: string, material: TlsMaterial): Promise<Socket> {
  const address = parseEngineUrl(url);
  const options = { timeoutMs: connectTimeoutMs };
  const socket = await (address.kind === 'socket'
    ? host.network.connect({ path: address.path }, options)
    : host.network.connectTls({ host: address.host, port: address.port }, material, options));
  // With TLS 1.3 a refusal comes after the handshake, when nobody else may listen.
  socket.on('error', () => undefined);
  return socket;
}

/** A connection that has not answered in time would answer the next request as little. */
async function within<T>(host: EngineHost, timeoutMs: number, work: Promise<T>, agent: Agent): Promise<T> {
  const over = new AbortController();
  const alarm = host.clock.sleep(timeoutMs, over.signal).then(() => {
    agent.destroy();
    throw Object.assign(new Error('the engine did not answer in time'), { code: 'ETIMEDOUT' });
  });
  alarm.catch(() => undefined);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, alarm]);
  } finally {
    over.abort();
  }
}

async function wholeBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > bodyBytesMax) {
      throw new Error(`the engine's answer is longer than ${String(bodyBytesMax)} bytes`);
    }
  }
  return Buffer.concat(chunks).toString('utf8');
}

function requireSuccess({ statusCode = 0 }: IncomingMessage, url: string, body: string): void {
  if (statusCode < 200 || statusCode > 299) {
    throw new MachineError('engine-unreachable', `The engine at ${url} answers with an error.`, {
      why: `HTTP status ${String(statusCode)}: ${body
        .replace(/\p{Cc}/gu, ' ')
        .trim()
        .slice(0, 200)}`,
      facts: { status: statusCode },
    });
  }
}
