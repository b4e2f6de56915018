import { MachineError, messageOf, systemCode } from '../core/errors.ts';
import { withoutCredentials } from './download.ts';
import { got } from './got.ts';
import { isLoopback, ProxyAgent } from './proxy.ts';
import type { HostFacts, HttpAnswer, HttpRequest } from './types.ts';

const sizeMaxDefaultBytes = 16 * 1024 * 1024;

/** Sends one request: see `Http.request`. */
export async function sendRequest(facts: Pick<HostFacts, 'env'>, request: HttpRequest): Promise<HttpAnswer> {
  request.signal?.throwIfAborted();
  const url = requireAllowed(request);
  // got listens to a signal for ever, also when it is done, so it gets one of its own.
  const own = new AbortController();
  const abort = (): void => {
    own.abort();
  };
  request.signal?.addEventListener('abort', abort, { once: true });
  try {
    return await exchange(facts, request, { url, signal: own.signal });
  } catch (error) {
    request.signal?.throwIfAborted();
    throw explain(error, url);
  } finally {
    request.signal?.removeEventListener('abort', abort);
  }
}

async function exchange(
  facts: Pick<HostFacts, 'env'>,
  request: HttpRequest,
  { url, signal }: { readonly url: URL; readonly signal: AbortSignal },
): Promise<HttpAnswer> {
  const stream = got.stream(url, {
    method: request.method,
    headers: { 'user-agent': 'tsmachine', ...request.headers },
    // Without a body the stream would wait for one.
    ...(request.method === 'GET' ? {} : { body: request.body ?? '' }),
    signal,
    timeout: { request: request.timeoutMs },
    agent: { https: new ProxyAgent(facts.env) },
    https: {
      ...(request.tls?.authorities === undefined ? {} : { certificateAuthority: request.tls.authorities }),
      ...(request.tls?.isUnverified === true ? { rejectUnauthorized: false } : {}),
    },
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
  });
  let answered: { statusCode: number; headers: Record<string, string | string[] | undefined> } | undefined;
  stream.once('response', (response: typeof answered) => {
    answered = response;
  });
  // An error that comes when nobody reads any more is no news.
  stream.on('error', () => undefined);
  try {
    const body = await readAll(
      stream as AsyncIterable<Uint8Array>,
      request.sizeMaxBytes ?? sizeMaxDefaultBytes,
    );
    if (answered === undefined) {
      throw new Error('there was no answer');
    }
    return { status: answered.statusCode, headers: plainHeaders(answered.headers), body };
  } finally {
    stream.destroy();
  }
}

async function readAll(stream: AsyncIterable<Uint8Array>, sizeMaxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of stream) {
    sizeBytes += chunk.length;
    if (sizeBytes > sizeMaxBytes) {
      throw new Error(`the answer has more than the ${sizeMaxBytes} bytes that are allowed`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function requireAllowed({ url, allowsPlainHttp }: HttpRequest): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isPlain = parsed?.protocol === 'http:' && (allowsPlainHttp === true || isLoopback(parsed.hostname));
  if (parsed === undefined || (parsed.protocol !== 'https:' && !isPlain)) {
    throw new MachineError('request-failed', `${withoutCredentials(url)} is not an HTTPS URL.`, {
      why: 'What goes by plain HTTP can be read and changed on the way.',
      remedies: ['Use an https:// URL.'],
    });
  }
  return parsed;
}

function plainHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value]],
    ),
  );
}

/** got's errors carry the whole request, so only their words go on. */
function explain(error: unknown, url: URL): MachineError {
  const code = systemCode(error);
  return new MachineError('request-failed', `No answer from ${url.origin}.`, {
    why: `${withoutCredentials(messageOf(error))}.`,
    facts: { origin: url.origin, ...(code === undefined ? {} : { systemCode: code }) },
  });
}
