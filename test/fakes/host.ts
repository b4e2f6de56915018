import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { MachineError } from '../../src/core/errors.ts';
import type {
  Address,
  Clock,
  Host,
  HostFacts,
  Http,
  HttpAnswer,
  HttpRequest,
  Network,
} from '../../src/host/types.ts';
import { createMemoryFiles, type MemoryFiles } from './memory-files.ts';
import { systemError } from './memory-tree.ts';
import { createScriptedProcesses, type ScriptedProcesses } from './scripted-processes.ts';

/**
 * A clock that the test moves. In `auto` mode (the default) a sleeper moves it itself and does not wait. In `idle` mode
 * it moves on to the next sleeper's time whenever everybody waits, so that a time-out costs no time unless it is met.
 */
export interface FakeClock extends Clock {
  mode: 'auto' | 'manual' | 'idle';
  /** How long was slept in all, per call, in milliseconds. */
  readonly sleeps: number[];
  /** Moves the time on and wakes those whose time has come. */
  advance(ms: number): void;
}

/** Sockets that the test hands out. */
export interface FakeNetwork extends Network {
  readonly takenPorts: Set<number>;
  /** What is listened on: `tcp 127.0.0.1:80`. */
  readonly listening: Set<string>;
  /** Every address that somebody connected to, as `host:port` or path. */
  readonly connections: string[];
  /** Answers a connection. By default every one is refused. */
  onConnect: (address: Address) => Socket | Promise<Socket>;
}

/** Downloads that the test provides, by URL. */
export interface FakeHttp extends Http {
  readonly responses: Map<string, string | Uint8Array>;
  readonly requests: string[];
  /** Answers requests of an API; without it every one fails. */
  onRequest: (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;
}

/** A Host without an outside world. */
export interface FakeHost extends Host {
  readonly files: MemoryFiles;
  readonly processes: ScriptedProcesses;
  readonly network: FakeNetwork;
  readonly http: FakeHttp;
  readonly clock: FakeClock;
  /** Modules that can be imported, by absolute path; an error is thrown. */
  readonly modules: Map<string, unknown>;
}

/** What a test may choose; everything has a default. */
export interface FakeHostOptions extends Partial<HostFacts> {
  /** Files by absolute path, with their parents made. */
  readonly tree?: Readonly<Record<string, string | Uint8Array>>;
  /** Milliseconds since the epoch; 2026-01-02T03:04:05Z by default. */
  readonly startMs?: number;
}

/** A Host in memory: files, scripted programs, a clock that jumps, the same random bytes in every run. */
export function createFakeHost(options: FakeHostOptions = {}): FakeHost {
  const { tree = {}, startMs = Date.UTC(2026, 0, 2, 3, 4, 5), ...chosen } = options;
  const facts = { ...defaultFacts(chosen.platform ?? 'linux'), ...chosen };
  const clock = createFakeClock(startMs);
  const files = createMemoryFiles(facts.platform, () => clock.nowMs());
  for (const directory of [
    facts.homeDirectory,
    facts.tempDirectory,
    facts.currentDirectory,
    facts.packageRoot,
  ]) {
    files.putDirectory(directory);
  }
  for (const [path, data] of Object.entries(tree)) {
    files.put(path, data);
  }
  const modules = new Map<string, unknown>();
  return {
    facts,
    files,
    watchTree: async () => Promise.reject(new Error('nobody watches the files in memory')),
    openRawFiles: async () => Promise.reject(new Error('the files in memory have no raw form')),
    modules,
    importModule: async (path) => {
      const found = modules.get(path);
      if (found === undefined) {
        throw new Error(`Cannot find module '${path}'`);
      }
      if (found instanceof Error) {
        throw found;
      }
      return found;
    },
    processes: createScriptedProcesses(facts.platform, facts.pid),
    network: createFakeNetwork(),
    http: createFakeHttp(files),
    clock,
    randomBytes: createFixedRandom(),
  };
}

/** Two connected sockets in memory: what one writes the other reads. */
export function createSocketPair(): readonly [Socket, Socket] {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read: () => undefined,
      write: (chunk, _encoding, done) => {
        other().push(chunk);
        done();
      },
      final: (done) => {
        other().push(null);
        done();
      },
    });
  const left: Duplex = make(() => right);
  const right: Duplex = make(() => left);
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- the part of Socket that is a Duplex is all that is used
  return [left as Socket, right as Socket];
}

function defaultFacts(platform: NodeJS.Platform): HostFacts {
  const isWindows = platform === 'win32';
  const home = isWindows ? 'C:\\Users\\ann' : platform === 'darwin' ? '/Users/ann' : '/home/ann';
  return {
    platform,
    arch: 'x64',
    env: {},
    homeDirectory: home,
    tempDirectory: isWindows ? 'C:\\Temp' : '/tmp',
    currentDirectory: home,
    cpuCount: 4,
    memoryBytes: 8 * 1024 ** 3,
    userName: 'ann',
    pid: 1000,
    packageRoot: isWindows ? 'C:\\tsmachine' : '/opt/tsmachine',
    nodePath: isWindows ? 'C:\\node\\node.exe' : '/usr/bin/node',
  };
}

/** So many turns of the event loop without a sleeper who is woken count as idle: messages between sockets take one. */
const idleTurns = 4;

function createFakeClock(startMs: number): FakeClock {
  let elapsedMs = 0;
  let sleepers: { readonly untilMs: number; readonly wake: () => void }[] = [];
  let isWatched = false;
  const moveWhenIdle = async (): Promise<void> => {
    isWatched = true;
    while (sleepers.length > 0) {
      for (let turn = 0; turn < idleTurns; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (sleepers.length > 0) {
        clock.advance(Math.max(0, Math.min(...sleepers.map(({ untilMs }) => untilMs)) - elapsedMs));
      }
    }
    isWatched = false;
  };
  const clock: FakeClock = {
    mode: 'auto',
    sleeps: [],
    nowMs: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    advance: (ms) => {
      elapsedMs += ms;
      const due = sleepers.filter(({ untilMs }) => untilMs <= elapsedMs);
      sleepers = sleepers.filter(({ untilMs }) => untilMs > elapsedMs);
      for (const { wake } of due) {
        wake();
      }
    },
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      clock.sleeps.push(ms);
      if (clock.mode === 'auto') {
        elapsedMs += ms;
        // Lets everybody else who is ready have a turn.
        await new Promise((resolve) => setImmediate(resolve));
        signal?.throwIfAborted();
        return;
      }
      await new Promise<void>((resolve, reject) => {
        const giveUp = (): void => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          reject(signal?.reason as Error);
        };
        const wake = (): void => {
          signal?.removeEventListener('abort', giveUp);
          resolve();
        };
        const sleeper = { untilMs: elapsedMs + ms, wake };
        sleepers.push(sleeper);
        signal?.addEventListener('abort', giveUp, { once: true });
        if (clock.mode === 'idle' && !isWatched) {
          void moveWhenIdle();
        }
      });
    },
  };
  return clock;
}

function createFakeNetwork(): FakeNetwork {
  const network: FakeNetwork = {
    takenPorts: new Set(),
    listening: new Set(),
    connections: [],
    onConnect: (address) => {
      throw systemError('ECONNREFUSED', 'connect', nameOf(address));
    },
    connect: async (address, { signal }) => {
      signal?.throwIfAborted();
      network.connections.push(nameOf(address));
      return network.onConnect(address);
    },
    connectTls: async (address, _material, { signal }) => {
      signal?.throwIfAborted();
      network.connections.push(nameOf(address));
      // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- the test's socket stands in for one with TLS
      return (await network.onConnect(address)) as TLSSocket;
    },
    listen: async () => {
      throw systemError('EACCES', 'listen', '127.0.0.1');
    },
    listenAt: async ({ host, port }) => {
      const place = `tcp ${host}:${String(port)}`;
      return occupy(network, place, port);
    },
    bindDatagrams: async ({ host, port }) => {
      const place = `udp ${host}:${String(port)}`;
      return { ...occupy(network, place, port), send: () => undefined };
    },
    isPortFree: async (port) => !network.takenPorts.has(port),
  };
  return network;
}

function occupy(network: FakeNetwork, place: string, port: number): { close(): Promise<void> } {
  if (network.takenPorts.has(port) || network.listening.has(place)) {
    throw systemError('EADDRINUSE', 'listen', place);
  }
  network.listening.add(place);
  return {
    close: async () => {
      network.listening.delete(place);
    },
  };
}

function createFakeHttp(files: MemoryFiles): FakeHttp {
  const http: FakeHttp = {
    responses: new Map(),
    requests: [],
    onRequest: ({ url }) => {
      throw new MachineError('request-failed', `No answer from ${new URL(url).origin}.`);
    },
    request: async (request) => {
      request.signal?.throwIfAborted();
      return http.onRequest(request);
    },
    download: async (url, path, { sizeMaxBytes, signal, onProgress }) => {
      signal?.throwIfAborted();
      http.requests.push(url);
      const found = http.responses.get(url);
      if (found === undefined) {
        throw new MachineError('download-failed', `Cannot download ${url}.`, { why: 'Not found (404).' });
      }
      const bytes = typeof found === 'string' ? new TextEncoder().encode(found) : found;
      if (bytes.length > sizeMaxBytes) {
        throw new MachineError('download-failed', `${url} is larger than ${sizeMaxBytes} bytes.`);
      }
      await files.writeNew(path, bytes, 0o600);
      onProgress?.(bytes.length, bytes.length);
    },
  };
  return http;
}

/** Bytes of a small congruential generator: the same in every run, different in every call. */
function createFixedRandom(): (count: number) => Uint8Array {
  let state = 1;
  return (count) =>
    Uint8Array.from({ length: count }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 16) & 0xff;
    });
}

function nameOf(address: Address): string {
  return 'path' in address ? address.path : `${address.host}:${address.port}`;
}
