import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// In front of moto: does what EC2 does and moto does not (one instance for one token, states that take time, ids that are
// not known everywhere at once), makes faults, and writes down what was asked.

/** A request as EC2 gets it. */
export interface Ec2Request {
  readonly action: string;
  readonly parameters: URLSearchParams;
  /** From 1, of this proxy. */
  readonly index: number;
}

/** What is done to a request instead of, or besides, answering it. */
export type Fault =
  /** The connection is cut before moto hears of it, or after it has done it. */
  | { readonly kind: 'cut'; readonly when: 'before' | 'after' }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: string;
      readonly headers?: Record<string, string>;
    };

/** Settings of a proxy; tests change them as they go. */
export interface Ec2Proxy {
  readonly url: string;
  /** Without scheme, as --amazonec2-endpoint takes it. */
  readonly endpoint: string;
  readonly requests: Ec2Request[];
  /** Called before a request is carried out, and after it, with the answer about to be sent. */
  onRequest: (request: Ec2Request) => Fault | undefined | Promise<Fault | undefined>;
  onDone: (request: Ec2Request) => void | Promise<void>;
  /** So many times an instance says `pending` after it was made. */
  pendingAnswers: number;
  /** So many times nobody knows an instance after it was made. */
  unknownAnswers: number;
  /**
   * Called for an instance that was made, with its id and user data: gives its address, and until then it is pending.
   * Without it instances are on this computer; moto's own addresses are in the internet, and are never told.
   */
  onLaunch: ((id: string, userData: string, keyName: string) => Promise<string>) | undefined;
  onTerminate: ((id: string) => Promise<void>) | undefined;
  close(): Promise<void>;
}

/** An error as EC2 writes it. */
export function ec2Error(status: number, code: string, headers: Record<string, string> = {}): Fault {
  const body = `<?xml version="1.0"?><Response><Errors><Error><Code>${code}</Code><Message>a fault of the test</Message></Error></Errors><RequestID>0</RequestID></Response>`;
  return { kind: 'answer', status, body, headers };
}

interface Launched {
  unknown: number;
  pending: number;
  address: string;
}

/** Starts a proxy in front of a moto. */
export async function startEc2Proxy(motoUrl: string): Promise<Ec2Proxy> {
  const byToken = new Map<string, string>();
  const launched = new Map<string, Launched>();
  let count = 0;

  const carryOut = async (incoming: IncomingMessage, request: Ec2Request, body: string): Promise<Answer> => {
    const { action, parameters } = request;
    const token = parameters.get('ClientToken');
    const before = action === 'RunInstances' && token !== null ? byToken.get(token) : undefined;
    if (before !== undefined) {
      return { status: 200, headers: { 'content-type': 'text/xml' }, body: before };
    }
    const hidden = action === 'DescribeInstances' ? hiddenOf(launched, parameters) : undefined;
    if (hidden !== undefined) {
      return toAnswer(ec2Error(400, 'InvalidInstanceID.NotFound'));
    }
    const answer = await forward(motoUrl, incoming, body);
    if (action === 'RunInstances' && answer.status === 200) {
      const id = /<instanceId>(i-[0-9a-f]+)</.exec(answer.body)?.[1] ?? '';
      if (token !== null) {
        byToken.set(token, answer.body);
      }
      const userData = Buffer.from(parameters.get('UserData') ?? '', 'base64').toString();
      const instance = { unknown: proxy.unknownAnswers, pending: proxy.pendingAnswers, address: '127.0.0.1' };
      launched.set(id, instance);
      if (proxy.onLaunch !== undefined) {
        instance.pending = Infinity;
        void proxy.onLaunch(id, userData, parameters.get('KeyName') ?? '').then((address) => {
          Object.assign(instance, { address, pending: 0 });
        });
      }
    }
    if (action === 'TerminateInstances' && answer.status === 200) {
      for (const id of idsOf(parameters)) {
        await proxy.onTerminate?.(id);
      }
    }
    return { ...answer, body: changed(answer.body, launched) };
  };

  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const body = await readAll(incoming);
      const parameters = new URLSearchParams(body);
      count += 1;
      const request = { action: parameters.get('Action') ?? '', parameters, index: count };
      proxy.requests.push(request);
      const fault = await proxy.onRequest(request);
      if (fault?.kind === 'cut' && fault.when === 'before') {
        incoming.socket.destroy();
        return;
      }
      const answer = fault?.kind === 'answer' ? toAnswer(fault) : await carryOut(incoming, request, body);
      await proxy.onDone(request);
      if (fault?.kind === 'cut') {
        incoming.socket.destroy();
        return;
      }
      write(outgoing, answer);
    })().catch(() => incoming.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxy: Ec2Proxy = {
    url: `http://${endpoint}`,
    endpoint,
    requests: [],
    onRequest: () => undefined,
    onDone: () => undefined,
    pendingAnswers: 0,
    unknownAnswers: 0,
    onLaunch: undefined,
    onTerminate: undefined,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

function toAnswer(fault: Fault): Answer {
  return fault.kind === 'answer'
    ? { status: fault.status, headers: { 'content-type': 'text/xml', ...fault.headers }, body: fault.body }
    : { status: 500, headers: {}, body: '' };
}

/** The instance that is asked for and that nobody knows yet. */
function hiddenOf(launched: ReadonlyMap<string, Launched>, parameters: URLSearchParams): string | undefined {
  return idsOf(parameters).find((id) => {
    const instance = launched.get(id);
    if (instance === undefined || instance.unknown === 0) {
      return false;
    }
    instance.unknown -= 1;
    return true;
  });
}

function idsOf(parameters: URLSearchParams): string[] {
  return [...parameters].flatMap(([name, value]) => (name.startsWith('InstanceId.') ? [value] : []));
}

/** Addresses and states of instances as they are here. */
function changed(body: string, launched: ReadonlyMap<string, Launched>): string {
  return body
    .split(/(?=<instanceId>)/)
    .map((part) => {
      const id = /^<instanceId>(i-[0-9a-f]+)</.exec(part)?.[1] ?? '';
      const instance = launched.get(id);
      if (instance === undefined) {
        return part;
      }
      let text = part;
      if (instance.pending > 0 && text.includes('<name>running</name>')) {
        instance.pending -= 1;
        text = text.replace('<name>running</name>', '<name>pending</name>');
      }
      return text.replace(/<ipAddress>[^<]*</, `<ipAddress>${instance.address}<`);
    })
    .join('');
}

async function forward(motoUrl: string, incoming: IncomingMessage, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = send(
      motoUrl,
      { method: incoming.method ?? 'GET', path: incoming.url ?? '/', headers: incoming.headers },
      (answer) => {
        readAll(answer).then((text) => {
          const type = answer.headers['content-type'] ?? 'text/xml';
          resolve({ status: answer.statusCode ?? 500, headers: { 'content-type': type }, body: text });
        }, reject);
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

function write(outgoing: ServerResponse, { status, headers, body }: Answer): void {
  outgoing.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  outgoing.end(body);
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
