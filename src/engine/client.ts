import type { Socket } from 'node:net';
import { MachineError } from '../core/errors.ts';
import type { Host, TlsMaterial } from '../host/types.ts';
import { parseEngineUrl } from './address.ts';
import { get, type EngineAnswer } from './exchange.ts';

/** The slice of Host that is used here. */
export type EngineHost = Pick<Host, 'network' | 'clock'>;

/** Bounds of one request, connection included. */
export interface EngineOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What `GET /_ping` answers (Docker Engine API, SystemPing). */
export interface EnginePing {
  /** Highest API version of the engine; empty when it does not say. */
  readonly apiVersion: string;
  readonly osType: string;
}

/** Part of `GET /version` (SystemVersion). */
export interface EngineVersion {
  readonly version: string;
  readonly apiVersion: string;
  readonly minApiVersion: string;
  readonly os: string;
  readonly architecture: string;
  readonly kernelVersion: string;
}

/** Part of `GET /info` (SystemInfo). */
export interface EngineInfo {
  readonly id: string;
  readonly name: string;
  readonly serverVersion: string;
  readonly operatingSystem: string;
  readonly storageDriver: string;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  readonly containers: number;
  readonly containersRunning: number;
  readonly images: number;
  /** `inactive`, `active` …; empty when the engine knows no swarm. */
  readonly swarmState: string;
  readonly labels: readonly string[];
}

/**
 * One mutual-TLS handshake and `GET /_ping`. Without `material` only socket addresses can be asked.
 * @throws MachineError `engine-unreachable`, `tls-mismatch` or `certificate-invalid`, its cause named in
 *   `facts.trouble`; the signal's reason when aborted.
 */
export async function pingEngine(
  host: EngineHost,
  url: string,
  material: TlsMaterial | undefined,
  options: EngineOptions,
): Promise<EnginePing> {
  const answer = await engineGet(host, { url, material }, '/_ping', options);
  return { apiVersion: headerText(answer, 'api-version'), osType: headerText(answer, 'ostype') };
}

/** `GET /version`. Throws like pingEngine. */
export async function engineVersion(
  host: EngineHost,
  url: string,
  material: TlsMaterial | undefined,
  options: EngineOptions,
): Promise<EngineVersion> {
  const raw = jsonBody(await engineGet(host, { url, material }, '/version', options), url);
  return {
    version: text(raw['Version']),
    apiVersion: text(raw['ApiVersion']),
    minApiVersion: text(raw['MinAPIVersion']),
    os: text(raw['Os']),
    architecture: text(raw['Arch']),
    kernelVersion: text(raw['KernelVersion']),
  };
}

/** `GET /info`. Throws like pingEngine. */
export async function engineInfo(
  host: EngineHost,
  url: string,
  material: TlsMaterial | undefined,
  options: EngineOptions,
): Promise<EngineInfo> {
  const raw = jsonBody(await engineGet(host, { url, material }, '/info', options), url);
  const swarm = isRecord(raw['Swarm']) ? raw['Swarm'] : {};
  return {
    id: text(raw['ID']),
    name: text(raw['Name']),
    serverVersion: text(raw['ServerVersion']),
    operatingSystem: text(raw['OperatingSystem']),
    storageDriver: text(raw['Driver']),
    cpuCount: number(raw['NCPU']),
    memoryBytes: number(raw['MemTotal']),
    containers: number(raw['Containers']),
    containersRunning: number(raw['ContainersRunning']),
    images: number(raw['Images']),
    swarmState: text(swarm['LocalNodeState']),
    labels: Array.isArray(raw['Labels']) ? raw['Labels'].filter((label) => typeof label === 'string') : [],
  };
}

/**
 * One GET over a connection of its own; answers other than 2xx are errors.
 * @throws MachineError like pingEngine.
 */
export async function engineGet(
  host: EngineHost,
  engine: { readonly url: string; readonly material: TlsMaterial | undefined },
  path: string,
  options: EngineOptions,
): Promise<EngineAnswer> {
  const { signal, timeoutMs } = options;
  const deadlineMs = host.clock.monotonicMs() + timeoutMs;
  let isHandshakeDone = false;
  try {
    const socket = await connect(host, engine, options);
    isHandshakeDone = true;
    const leftMs = deadlineMs - host.clock.monotonicMs();
    return checkStatus(await exchange(host, socket, path, { timeoutMs: leftMs, signal }), engine.url);
  } catch (error) {
    signal?.throwIfAborted();
    // Most commands never need it.
    const { diagnoseTls } = await import('./diagnose.ts');
    throw diagnoseTls(error, { ...engine, timeoutMs, nowMs: host.clock.nowMs(), isHandshakeDone });
  }
}

async function connect(
  host: EngineHost,
  engine: { readonly url: string; readonly material: TlsMaterial | undefined },
  options: EngineOptions,
): Promise<Socket> {
  const address = parseEngineUrl(engine.url);
  if (address.kind === 'socket') {
    return host.network.connect({ path: address.path }, options);
  }
  if (engine.material === undefined) {
    throw new MachineError(
      'certificate-invalid',
      `There are no certificates for the engine at ${engine.url}.`,
      {
        why: 'Engines are reached over the network with mutual TLS only.',
        facts: { trouble: 'bad-material' },
      },
    );
  }
  return host.network.connectTls({ host: address.host, port: address.port }, engine.material, options);
}

/** A reason that is made once: an error of its own for each of hundreds of engines takes time. */
const inTime = new Error('the engine has answered');

/** Sends the request, reads the whole answer and closes the socket, at the latest when the time is over. */
async function exchange(
  host: EngineHost,
  socket: Socket,
  path: string,
  options: EngineOptions,
): Promise<EngineAnswer> {
  const finished = new AbortController();
  const timeLimit = host.clock.sleep(Math.max(0, options.timeoutMs), finished.signal).then(
    () =>
      socket.destroy(Object.assign(new Error('the engine did not answer in time'), { code: 'ETIMEDOUT' })),
    () => undefined,
  );
  const onAbort = (): void => {
    socket.destroy(new Error('interrupted'));
  };
  options.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await get(socket, path);
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
    finished.abort(inTime);
    await timeLimit;
    socket.destroy();
  }
}

function checkStatus(answer: EngineAnswer, url: string): EngineAnswer {
  if (answer.status >= 200 && answer.status < 300) {
    return answer;
  }
  const said = answer.body
    .replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 200);
  throw new MachineError('engine-unreachable', `The engine at ${url} answers with an error.`, {
    why: `HTTP status ${answer.status}: ${said}`,
    facts: { trouble: 'other', status: answer.status },
  });
}

function jsonBody(answer: EngineAnswer, url: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(answer.body);
  } catch {
    value = undefined;
  }
  if (!isRecord(value)) {
    throw new MachineError('engine-unreachable', `What listens at ${url} is not a Docker engine.`, {
      why: 'Its answer is not a JSON object.',
      facts: { trouble: 'other' },
    });
  }
  return value;
}

function headerText(answer: EngineAnswer, name: string): string {
  return answer.headers[name] ?? '';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
