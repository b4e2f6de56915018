import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { busyboxTar } from '../test/support/busybox.ts';
import { ask, engineApi, type EngineApi } from './engine-api.ts';
import { median, projectRoot, runNode, type Row, type Run } from './measure.ts';

const program = path.join(projectRoot, 'bin', 'tsmachine.js');
const idleSeconds = 60;
/** Of the numbers in /proc/PID/stat: USER_HZ. */
const ticksPerSecond = 100;
const reachTimeoutMs = 30_000;

/**
 * The background agent: from the engine's word that a container has started to the port that is there, and what the
 * agent costs this computer while nothing happens. Linux only.
 */
export async function measureAgent(runs: number): Promise<Row[]> {
  const home = await mkdtemp(path.join(tmpdir(), 'tsm-bench-agent-'));
  const store = path.join(home, 'store');
  const env = { MACHINE_STORAGE_PATH: store, DOCKER_CONFIG: path.join(home, 'docker') };
  const tsmachine = (...args: string[]): Promise<Run> => runNode({ args: [program, ...args], env });
  try {
    const created = await tsmachine('create', '-d', 'qemu', 'bench');
    if (created.exitCode !== 0) {
      throw new Error(created.stderr);
    }
    const url = (await tsmachine('url', 'bench')).stdout.trim();
    const api = await engineApi(url, path.join(store, 'machines', 'bench'));
    await ask(api, { method: 'POST', path: '/images/create?fromSrc=-&repo=tiny', tar: await busyboxTar() });
    // Once for the ports command to start what is missing.
    await tsmachine('ports', 'bench');
    const reached: Reached[] = [];
    for (let index = 0; index < runs; index += 1) {
      reached.push(await publishOnce(api));
    }
    const { pid } = JSON.parse(await readFile(path.join(store, 'machines', '.bench.agent-lock'), 'utf8')) as {
      pid: number;
    };
    return [
      {
        what: 'agent: from the start of a container to its port on this computer',
        value: median(reached.map(({ openMs }) => openMs)),
        unit: 'ms',
        budget: 300,
        detail: `${median(reached.map(({ answerMs }) => answerMs)).toFixed(0)} ms to an answer from the container; median of ${runs}`,
      },
      ...(await idleCost(pid)),
    ];
  } finally {
    await tsmachine('rm', '-f', '-y', 'bench');
    await rm(home, { recursive: true, force: true });
  }
}

interface Reached {
  /** Somebody takes connections. */
  readonly openMs: number;
  /** The container answers. */
  readonly answerMs: number;
}

async function publishOnce(api: EngineApi): Promise<Reached> {
  const port = await freePort();
  const json = {
    Image: 'tiny',
    Cmd: ['/bin/busybox', 'nc', '-ll', '-p', '80', '-e', '/bin/busybox', 'cat'],
    ExposedPorts: { '80/tcp': {} },
    HostConfig: { PortBindings: { '80/tcp': [{ HostPort: String(port) }] } },
  };
  await ask(api, { method: 'POST', path: '/containers/create?name=web', json });
  await ask(api, { method: 'POST', path: '/containers/web/start' });
  const started = performance.now();
  let openMs: number | undefined;
  try {
    while (performance.now() - started < reachTimeoutMs) {
      const found = await tryPort(port);
      openMs ??= found === 'closed' ? undefined : performance.now() - started;
      if (found === 'answers') {
        return { openMs: openMs ?? 0, answerMs: performance.now() - started };
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`nothing was found on port ${port}`);
  } finally {
    await ask(api, { method: 'DELETE', path: '/containers/web?force=1' });
  }
}

function tryPort(port: number): Promise<'closed' | 'open' | 'answers'> {
  return new Promise((resolve) => {
    let isOpen = false;
    const socket = connect({ host: '127.0.0.1', port });
    const done = (): void => {
      socket.destroy();
      resolve(isOpen ? 'open' : 'closed');
    };
    socket.once('connect', () => {
      isOpen = true;
      socket.write('x');
    });
    socket.once('data', () => {
      socket.destroy();
      resolve('answers');
    });
    socket.once('error', done).once('end', done);
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function idleCost(pid: number): Promise<Row[]> {
  const before = await cpuSeconds(pid);
  await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000));
  const seconds = (await cpuSeconds(pid)) - before;
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const residentKib = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  return [
    {
      what: 'agent: processor time while nothing happens',
      value: (seconds / idleSeconds) * 100,
      unit: '%',
      budget: 1,
      detail: `over ${idleSeconds} s`,
    },
    { what: 'agent: memory (resident)', value: residentKib / 1024, unit: 'MiB', budget: 60 },
  ];
}

/** User and system (proc(5)). */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
