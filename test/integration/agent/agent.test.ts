import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createHost } from '../../../src/host/real.ts';
import { newRecord } from '../../../src/store/new-record.ts';
import { monitor } from '../../fakes/fake-qemu.ts';
import { projectRoot, run } from '../../support/cli.ts';
import { makeCa, makeLeaf, startEngine } from '../engine/tls-engine.ts';

// The agent as a process of its own, on a machine that is made of parts: a process that stands for QEMU, its monitor, and an
// engine.

interface Machine {
  readonly store: string;
  readonly qemu: ChildProcess;
  /** What the monitor forwards, as it lists it. */
  readonly forwards: Map<string, string>;
  /** Makes these the containers that run, and says that something has happened. */
  publish(...ports: readonly number[]): void;
  start(env?: Readonly<Record<string, string>>): Agent;
}

interface Agent {
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;
}

async function makeMachine(t: ExecutionContext): Promise<Machine> {
  const store = await mkdtemp(join(tmpdir(), 'tsm-agent-'));
  const directory = join(store, 'machines', 'dev');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const qemu = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' });
  const forwards = new Map<string, string>();
  const observer = join(directory, 'observer.sock');
  const monitorServer = await serveMonitor(observer, forwards);
  let containers: object[] = [];
  const streams = new Set<{ write(text: string): unknown }>();
  const ca = await makeCa();
  const client = await makeLeaf(ca, { purpose: 'client' });
  const engine = await startEngine({
    clientCa: ca.certPem,
    server: await makeLeaf(ca, {}),
    answer: (request, response) => {
      if (request.url?.startsWith('/events') === true) {
        response.writeHead(200).flushHeaders();
        streams.add(response);
      } else {
        response.end(JSON.stringify(containers));
      }
    },
  });
  const record = newRecord({ storePath: store, name: 'dev', driverName: 'qemu', driver: {}, engine: {} });
  const sidecar = { schema: 1, phase: 'ready', created: '2026-01-02T03:04:05Z', driver: {}, options: {} };
  const runRecord = {
    schema: 1,
    process: await createHost().processes.identify(qemu.pid ?? 0),
    startedAtMs: 1,
    sshPort: 40_022,
    enginePort: engine.port,
    accelerator: 'tcg',
    control: observer,
    observer,
  };
  for (const [name, text] of Object.entries({
    'config.json': JSON.stringify(record),
    'tsmachine.json': JSON.stringify(sidecar),
    'run.json': JSON.stringify(runRecord),
    'ca.pem': ca.certPem,
    'cert.pem': client.certPem,
    'key.pem': client.keyPem,
  })) {
    await writeFile(join(directory, name), text, { mode: 0o600 });
  }
  const started: ChildProcess[] = [];
  t.teardown(async () => {
    for (const child of [...started, qemu]) {
      child.kill('SIGKILL');
    }
    await engine.close();
    await new Promise((resolve) => monitorServer.close(resolve));
    await rm(store, { recursive: true, force: true });
  });
  return {
    store,
    qemu,
    forwards,
    publish: (...ports) => {
      const bound = ports.map((port) => ({
        IP: '0.0.0.0',
        PrivatePort: 80,
        PublicPort: port,
        Type: 'tcp',
      }));
      containers = [{ Id: 'a', Names: ['/web'], Ports: bound }];
      for (const stream of streams) {
        stream.write(`${JSON.stringify({ Type: 'container', Action: 'start', Actor: { ID: 'a' } })}\n`);
      }
    },
    start: (env = {}) => {
      const args = [join(projectRoot, 'bin', 'tsmachine.js'), '-s', store, 'agent', 'dev'];
      const child = spawn(process.execPath, args, { stdio: 'ignore', env: { ...process.env, ...env } });
      started.push(child);
      return { process: child, ended: new Promise((resolve) => child.once('exit', resolve)) };
    },
  };
}

async function serveMonitor(path: string, forwards: Map<string, string>): Promise<Server> {
  const server = createServer((socket) => {
    socket.setEncoding('utf8');
    socket.write('{"QMP": {}}\r\n');
    socket.on('error', () => undefined);
    socket.on('data', (text: string) => {
      for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
        const {
          execute,
          id,
          arguments: given,
        } = JSON.parse(line) as {
          execute: string;
          id: string;
          arguments?: { 'command-line': string };
        };
        const answer =
          execute === 'human-monitor-command'
            ? monitor(forwards, given?.['command-line'] ?? '')
            : { status: 'running' };
        socket.write(`${JSON.stringify({ return: answer, id })}\r\n`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

async function until(
  t: ExecutionContext,
  what: string,
  isSo: () => boolean | Promise<boolean>,
): Promise<void> {
  for (let times = 0; times < 600; times += 1) {
    if (await isSo()) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  t.fail(what);
}

const keys = ({ forwards }: Machine): string => [...forwards.keys()].sort().join(' ');
const locks = async ({ store }: Machine): Promise<string[]> =>
  (await readdir(join(store, 'machines'))).filter((name) => name.startsWith('.'));

test('forwards follow the containers, and are gone with the agent', async (t) => {
  const machine = await makeMachine(t);
  machine.publish(41_001);
  const agent = machine.start();
  await until(t, 'the first', () => keys(machine) === 'tcp:127.0.0.1:41001');
  machine.publish(41_001, 41_002);
  await until(t, 'both', () => keys(machine) === 'tcp:127.0.0.1:41001 tcp:127.0.0.1:41002');
  machine.publish();
  await until(t, 'none', () => keys(machine) === '');
  machine.publish(41_003);
  await until(t, 'another', () => keys(machine) === 'tcp:127.0.0.1:41003');
  t.deepEqual(await locks(machine), ['.dev.agent-lock']);
  agent.process.kill('SIGTERM');
  t.is(await agent.ended, 0);
  t.is(keys(machine), '');
  t.deepEqual(await locks(machine), []);
});

test('50 containers that come and go, faster than anybody can follow, leave what is there last', async (t) => {
  const machine = await makeMachine(t);
  machine.publish(41_051);
  machine.start();
  await until(t, 'the first', () => machine.forwards.size === 1);
  for (let times = 0; times < 50; times += 1) {
    machine.publish();
    await new Promise((resolve) => setTimeout(resolve, times % 7));
    machine.publish(41_051, 41_052 + (times % 3));
    await new Promise((resolve) => setTimeout(resolve, times % 5));
  }
  machine.publish(41_051, 41_059);
  await until(t, 'the last', () => keys(machine).endsWith(':41059'));
  t.is(keys(machine), 'tcp:127.0.0.1:41051 tcp:127.0.0.1:41059');
});

test('a second agent leaves at once; after the death of the first another takes over what is there', async (t) => {
  const machine = await makeMachine(t);
  machine.publish(41_011, 41_012);
  const first = machine.start();
  await until(t, 'both', () => machine.forwards.size === 2);
  t.is(await machine.start().ended, 0);
  first.process.kill('SIGKILL');
  await first.ended;
  machine.publish(41_012, 41_013);
  machine.start();
  await until(t, 'taken over', () => keys(machine) === 'tcp:127.0.0.1:41012 tcp:127.0.0.1:41013');
});

test('it ends by itself when the process of the machine is gone', async (t) => {
  const machine = await makeMachine(t);
  machine.publish(41_021);
  const agent = machine.start();
  await until(t, 'the forward', () => machine.forwards.size === 1);
  const exited = new Promise((resolve) => machine.qemu.once('exit', resolve));
  machine.qemu.kill('SIGKILL');
  await exited;
  // What QEMU has held open goes with it.
  machine.publish(41_022);
  await rm(join(machine.store, 'machines', 'dev', 'observer.sock'));
  machine.publish(41_023);
  t.is(await agent.ended, 0);
  t.deepEqual(await locks(machine), []);
});

test('ports shows what the agent has done, and starts one where there is none', async (t) => {
  const machine = await makeMachine(t);
  machine.publish(41_031);
  const env = { MACHINE_STORAGE_PATH: machine.store };
  const program = join(projectRoot, 'bin', 'tsmachine.js');
  const outcome = await run(process.execPath, [program, 'ports', '--json', 'dev'], {
    env,
    timeoutMs: 60_000,
  });
  t.is(outcome.code, 0, outcome.stderr);
  t.like((JSON.parse(outcome.stdout) as object[])[0], {
    container: 'web',
    containerPort: 80,
    address: '127.0.0.1',
    twin: '::1',
    port: 41_031,
    state: 'forwarded',
  });
  // The log is written after the file that "ports" reads.
  await until(t, 'the line of the log', async () =>
    (await readFile(join(machine.store, 'machines', 'dev', 'agent.log'), 'utf8')).includes(
      '127.0.0.1:41031/tcp to web:80: forwarded',
    ),
  );
  const lock = await readFile(join(machine.store, 'machines', '.dev.agent-lock'), 'utf8');
  process.kill((JSON.parse(lock) as { pid: number }).pid, 'SIGTERM');
  await until(t, 'the end', async () => (await locks(machine)).length === 0);
});

test('it loads few modules of ours, and no package', async (t) => {
  const machine = await makeMachine(t);
  machine.publish(41_041);
  const coverage = join(machine.store, 'coverage');
  const agent = machine.start({ NODE_V8_COVERAGE: coverage });
  await until(t, 'the forward', () => machine.forwards.size === 1);
  agent.process.kill('SIGTERM');
  await agent.ended;
  const texts = await Promise.all(
    (await readdir(coverage)).map(async (file) => readFile(join(coverage, file), 'utf8')),
  );
  const urls = texts.flatMap((text) =>
    (JSON.parse(text) as { result: readonly { url: string }[] }).result.map(({ url }) => url),
  );
  const files = [...new Set(urls.filter((url) => url.startsWith('file:')))];
  t.deepEqual(
    files.filter((url) => url.includes('/node_modules/')),
    [],
  );
  t.true(files.length <= 8, files.join(' '));
});
