import { existsSync } from 'node:fs';
import { availableParallelism, homedir, tmpdir, totalmem, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createFiles } from './files.ts';
import type { Clock, Host, HostFacts, Network, Processes } from './types.ts';

/**
 * The real world. Cheap to make: files are there at once; processes, sockets and downloads load their
 * modules when they are first used.
 */
export function createHost(): Host {
  const facts = readFacts();
  return {
    facts,
    files: createFiles(facts.platform),
    openRawFiles: async () => (await import('./raw-files.ts')).createRawFiles(facts.platform),
    watchTree: async (path, options) =>
      (await import('./watch-tree.ts')).watchTree(facts.platform, path, options),
    processes: lazyProcesses(facts),
    network: lazyNetwork(),
    http: {
      request: async (request) => {
        const { sendRequest } = await import('./request.ts');
        return sendRequest(facts, request);
      },
      download: async (url, path, options) => {
        const { download } = await import('./download.ts');
        await download(facts, url, path, options);
      },
    },
    clock: realClock,
    importModule: async (path) => import(pathToFileURL(path).href) as Promise<unknown>,
    // A synchronous way to a module that most commands never need.
    randomBytes: (count) => new Uint8Array(process.getBuiltinModule('node:crypto').randomBytes(count)),
  };
}

const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  },
};

function lazyProcesses(facts: HostFacts): Processes {
  const load = once(async () => (await import('./processes.ts')).createProcesses(facts));
  return {
    run: async (file, args, options) => (await load()).run(file, args, options),
    runAttached: async (file, args) => (await load()).runAttached(file, args),
    find: async (program) => (await load()).find(program),
    spawnDetached: async (file, args, options) => (await load()).spawnDetached(file, args, options),
    startPiped: async (file, args, options) => (await load()).startPiped(file, args, options),
    identify: async (pid) => (await load()).identify(pid),
    isAlive: async (identity) => (await load()).isAlive(identity),
    signal: async (identity, signal) => (await load()).signal(identity, signal),
  };
}

function lazyNetwork(): Network {
  const load = once(async () => (await import('./network.ts')).createNetwork());
  return {
    connect: async (address, options) => (await load()).connect(address, options),
    connectTls: async (address, material, options) => (await load()).connectTls(address, material, options),
    listen: async (onConnection) => (await load()).listen(onConnection),
    listenAt: async (address, onConnection) => (await load()).listenAt(address, onConnection),
    bindDatagrams: async (address, onMessage) => (await load()).bindDatagrams(address, onMessage),
    isPortFree: async (port) => (await load()).isPortFree(port),
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return async () => (made ??= make());
}

function readFacts(): HostFacts {
  const { env } = process;
  return {
    platform: process.platform,
    arch: process.arch,
    env,
    homeDirectory: homedir(),
    tempDirectory: tmpdir(),
    currentDirectory: currentDirectory(),
    cpuCount: availableParallelism(),
    memoryBytes: totalmem(),
    userName: env.USER ?? env.USERNAME ?? accountName(),
    pid: process.pid,
    packageRoot: findPackageRoot(),
    nodePath: process.execPath,
  };
}

/** The current directory, or the home directory when somebody has removed it. */
function currentDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return homedir();
  }
}

/** The account's name where the environment has none: containers and services often do not. */
function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}

/** The nearest directory above this file that holds package.json, whether it runs from dist/ or from a bundle. */
function findPackageRoot(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  for (let directory = here; ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'package.json'))) {
      return directory;
    }
    if (directory === dirname(directory)) {
      return here;
    }
  }
}
