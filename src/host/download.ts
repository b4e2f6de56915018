import { promises as fs } from 'node:fs';
import { MachineError, messageOf, systemCode } from '../core/errors.ts';
import { got, HTTPError } from './got.ts';
import { isLoopback, ProxyAgent } from './proxy.ts';
import type { HostFacts, Http } from './types.ts';

const CONNECT_TIMEOUT_MS = 30_000;
const ANSWER_TIMEOUT_MS = 60_000;
/** A transfer that stands still this long is given up. */
const STALL_TIMEOUT_MS = 60_000;
const REDIRECTS_MAX = 10;

/** Fetches a URL into a new file: see `Http.download`. */
export async function download(
  facts: Pick<HostFacts, 'env'>,
  url: string,
  path: string,
  options: Parameters<Http['download']>[2] & { readonly stallTimeoutMs?: number },
): Promise<void> {
  const { signal } = options;
  signal?.throwIfAborted();
  const shown = withoutCredentials(url);
  const first = requireFetchable(url, shown);
  const file = await fs.open(path, 'wx', 0o600).catch((cause: unknown) => {
    throw new MachineError('store-write-failed', `Cannot create ${path}.`, {
      cause,
      facts: { path, systemCode: systemCode(cause) },
    });
  });
  try {
    await transfer(openStream(facts, first, options), file, options);
    await file.sync();
    await file.close();
  } catch (error) {
    await file.close().catch(() => undefined);
    await fs.rm(path, { force: true }).catch(() => undefined);
    signal?.throwIfAborted();
    throw explain(error, shown, path);
  }
}

type Options = Parameters<typeof download>[3];
type GotStream = ReturnType<typeof got.stream>;

function openStream(facts: Pick<HostFacts, 'env'>, first: URL, options: Options): GotStream {
  return got.stream(first, {
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    // Files are checked by their bytes: nothing on the way may change them.
    decompress: false,
    headers: { 'accept-encoding': 'identity' },
    retry: { limit: 0 },
    maxRedirects: REDIRECTS_MAX,
    agent: { https: new ProxyAgent(facts.env) },
    timeout: {
      lookup: CONNECT_TIMEOUT_MS,
      connect: CONNECT_TIMEOUT_MS,
      secureConnect: CONNECT_TIMEOUT_MS,
      response: ANSWER_TIMEOUT_MS,
      socket: options.stallTimeoutMs ?? STALL_TIMEOUT_MS,
    },
    hooks: {
      beforeRedirect: [
        (next) => {
          const target = new URL(String(next.url));
          const isSafe =
            target.protocol === 'https:' ||
            (first.protocol === 'http:' && target.protocol === 'http:' && isLoopback(target.hostname));
          if (!isSafe) {
            throw new Error(`it redirects to ${target.origin}, away from HTTPS`);
          }
        },
      ],
    },
  });
}

async function transfer(stream: GotStream, file: fs.FileHandle, options: Options): Promise<void> {
  const { sizeMaxBytes, onProgress } = options;
  let totalBytes: number | undefined;
  let doneBytes = 0;
  stream.once('response', ({ headers }: { headers: Record<string, string | undefined> }) => {
    const announced = Number(headers['content-length']);
    totalBytes =
      Number.isSafeInteger(announced) && headers['content-length'] !== undefined ? announced : undefined;
    if (totalBytes !== undefined && totalBytes > sizeMaxBytes) {
      stream.destroy(new Error(`it has ${totalBytes} bytes, more than the ${sizeMaxBytes} that are allowed`));
    }
  });
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    doneBytes += chunk.length;
    if (doneBytes > sizeMaxBytes) {
      stream.destroy();
      throw new Error(`it has more than the ${sizeMaxBytes} bytes that are allowed`);
    }
    await file.writeFile(chunk);
    onProgress?.(doneBytes, totalBytes);
  }
  if (totalBytes !== undefined && doneBytes !== totalBytes) {
    throw new Error(`it ended after ${doneBytes} of ${totalBytes} bytes`);
  }
}

function requireFetchable(url: string, shown: string): URL {
  if (!URL.canParse(url)) {
    throw new MachineError('download-failed', `${shown} is not a URL.`);
  }
  const parsed = new URL(url);
  if (parsed.protocol !== 'https:' && !(parsed.protocol === 'http:' && isLoopback(parsed.hostname))) {
    throw new MachineError('download-failed', `${shown} is not an HTTPS URL.`, {
      why: 'What comes by plain HTTP can be changed on the way.',
      remedies: ['Use an https:// URL.'],
    });
  }
  return parsed;
}

/** got's errors carry the whole request, so only their words go on. */
function explain(error: unknown, shown: string, path: string): MachineError {
  const code = systemCode(error);
  if (code !== undefined && ['ENOSPC', 'EDQUOT', 'EIO', 'EFBIG', 'EROFS'].includes(code)) {
    return new MachineError('store-write-failed', `Cannot write ${path}: ${messageOf(error)}.`, {
      cause: error,
      facts: { path, systemCode: code },
    });
  }
  const status = error instanceof HTTPError ? error.response.statusCode : undefined;
  return new MachineError('download-failed', `Cannot download ${shown}.`, {
    why:
      status === undefined
        ? withoutCredentials(messageOf(error))
        : `The server answered with status ${status}.`,
    facts: {
      url: shown,
      ...(status === undefined ? {} : { status }),
      ...(code === undefined ? {} : { systemCode: code }),
    },
  });
}

/** Takes user names and passwords out of the URLs in a text. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/([a-z][a-z+.-]*:\/\/)[^/?#\s]*@/gi, '$1').slice(0, 500);
}
