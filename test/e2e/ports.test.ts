import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { busyboxTar } from '../support/busybox.ts';
import { findProgram, isGone, machinesLeft, makeStore, run, type TestStore } from '../support/cli.ts';
import { ok } from '../support/expect.ts';
import { readEnv } from '../support/docker-client.ts';
import { askTcp, askUdp, freePort, takePort } from '../support/sockets.ts';
import { udpEchoCommand } from '../support/udp-echo.ts';
import { findWebServer } from '../support/web-server.ts';

// What containers publish is found on this computer. One machine, in the order of the tests.

interface World {
  readonly store: TestStore;
  /** The home directory, which the machine sees. */
  readonly home: string;
  env: Record<string, string>;
}

interface Port {
  readonly container: string;
  readonly containerPort: number;
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
  readonly state: string;
  readonly reason?: string;
}

const world: Partial<World> = {};
/** Answers each connection with what it is sent. */
const tcpEcho = ['/bin/busybox', 'nc', '-ll', '-p', '80', '-e', '/bin/busybox', 'cat'];
const patienceMs = 20_000;
/** All containers are looked at again after half a minute. */
const resyncPatienceMs = 60_000;

function here(): World {
  return world as World;
}

const docker = (t: ExecutionContext, ...args: string[]): Promise<string> =>
  ok(t, run('docker', args, { env: here().env }));
const tsmachine = (t: ExecutionContext, ...args: string[]): Promise<string> =>
  ok(t, here().store.tsmachine(args));

async function ports(t: ExecutionContext): Promise<Port[]> {
  return JSON.parse(await tsmachine(t, 'ports', '--json')) as Port[];
}

/** Asks again and again until the answer is the right one, or time is over; returns the last answer. */
async function eventually<T>(
  ask: () => Promise<T>,
  isRight: (answer: T) => boolean,
  timeoutMs = patienceMs,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (isRight(answer) || Date.now() > deadline) {
      return answer;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A TCP port answers with what it is sent. */
async function echoes(t: ExecutionContext, host: string, port: number): Promise<void> {
  const answer = await eventually(
    async () => askTcp(host, port, 'through'),
    (said) => said === 'through',
  );
  t.is(answer, 'through', `${host}:${port}`);
}

/** Nobody listens on a TCP port any more. */
async function closes(t: ExecutionContext, port: number): Promise<void> {
  const isClosed = async (): Promise<boolean> => {
    const server = await takePort(port).catch(() => undefined);
    if (server !== undefined) {
      await new Promise((resolve) => server.close(resolve));
    }
    return server !== undefined;
  };
  t.true(await eventually(isClosed, (closed) => closed), `${port} is free again`);
}

function machineFile(name: string): Promise<string> {
  return readFile(path.join(here().store.path, 'machines', name), 'utf8');
}

async function lockOwner(): Promise<string> {
  const lock = await machineFile('.default.agent-lock').catch(() => '{}');
  return String((JSON.parse(lock) as { pid?: number }).pid ?? '');
}

/** The agent that runs, or is about to. */
async function agentPid(): Promise<string> {
  return eventually(lockOwner, (pid) => pid !== '');
}

/** Every TCP port on which QEMU and the agent listen. */
async function listeners(t: ExecutionContext): Promise<string[] | undefined> {
  const ss = findProgram('ss');
  if (ss === undefined) {
    return undefined;
  }
  const pids = [(await machineFile('default/qemu.pid')).trim(), await agentPid()];
  const lines = (await ok(t, run(ss, ['-ltnuHp']))).split('\n');
  const own = lines.filter((line) => pids.some((pid) => line.includes(`pid=${pid},`)));
  return own.map((line) => line.trim().split(/\s+/)[4] ?? '').sort();
}

const hasIpv6 = async (): Promise<boolean> =>
  (await readFile('/proc/net/if_inet6', 'utf8').catch(() => '')).includes(' lo');

test.before(async (t) => {
  t.timeout(600_000);
  const store = await makeStore({ sharesTemplates: 'usual' });
  const home = path.join(await realpath(path.dirname(store.path)), 'home');
  await mkdir(home);
  Object.assign(world, { store, home });
  const created = await store.tsmachine(['create', '-d', 'qemu', 'default'], { env: { HOME: home } });
  t.is(created.code, 0, created.stderr);
  here().env = await readEnv(store);
  const imported = run('docker', ['import', '-', 'tiny'], { env: here().env, input: await busyboxTar() });
  await ok(t, imported);
});

test.after.always(async () => {
  await here().store.dispose();
});

test.serial('docker run -p: found on 127.0.0.1 and ::1, and gone when the container stops', async (t) => {
  const port = await freePort();
  const before = await listeners(t);
  await docker(t, 'run', '-d', '--name', 'web', '-p', `${port}:80`, 'tiny', ...tcpEcho);
  await echoes(t, '127.0.0.1', port);
  if (await hasIpv6()) {
    await echoes(t, '::1', port);
  }
  t.like((await ports(t))[0], {
    container: 'web',
    containerPort: 80,
    protocol: 'tcp',
    address: '127.0.0.1',
    port,
    state: 'forwarded',
  });
  t.regex(await tsmachine(t, 'ports'), new RegExp(`^web +80/tcp +127\\.0\\.0\\.1:${port} +forwarded$`, 'm'));
  t.true((await listeners(t))?.every((place) => /^(127\.0\.0\.1|\[::1\]):/.test(place)) ?? true);
  await docker(t, 'stop', '-t', '0', 'web');
  await closes(t, port);
  t.deepEqual(await ports(t), []);
  t.deepEqual(await listeners(t), before);
  await docker(t, 'start', 'web');
  await echoes(t, '127.0.0.1', port);
  await docker(t, 'rm', '-f', 'web');
  await closes(t, port);
});

test.serial('a web server serves a file of the home directory, as it is at each moment', async (t) => {
  const image = findWebServer();
  if (image === undefined) {
    t.log('skipped: needs nginx: test/support/unpack-web-server.sh');
    t.pass();
    return;
  }
  const site = path.join(here().home, 'site');
  await mkdir(site);
  const page = path.join(site, 'index.html');
  await writeFile(page, 'first\n');
  await ok(t, run('docker', ['import', image, 'nginx'], { env: here().env }));
  const port = await freePort();
  const options = ['-p', `${port}:80`, '-v', `${site}:/usr/share/nginx/html:ro`];
  await docker(t, 'run', '-d', '--name', 'site', ...options, 'nginx', '/usr/sbin/nginx');
  const serves = async (text: string): Promise<void> => {
    const get = async (): Promise<string> =>
      fetch(`http://127.0.0.1:${port}/`).then(
        async (answer) => answer.text(),
        () => '',
      );
    t.is(await eventually(get, (body) => body === text), text);
  };
  await serves('first\n');
  await writeFile(page, 'second, and longer than the first\n');
  await serves('second, and longer than the first\n');
  await writeFile(page, '3\n');
  await serves('3\n');
  await docker(t, 'stop', 'site');
  await closes(t, port);
  await docker(t, 'start', 'site');
  await serves('3\n');
  await docker(t, 'rm', '-f', 'site');
  await closes(t, port);
});

test.serial('-p 127.0.0.1:…: found on 127.0.0.1 here too', async (t) => {
  const port = await freePort();
  await docker(t, 'run', '-d', '--name', 'inner', '-p', `127.0.0.1:${port}:80`, 'tiny', ...tcpEcho);
  await echoes(t, '127.0.0.1', port);
  t.is(await askTcp('::1', port, 'x', 500), undefined, 'nobody asked for ::1');
  await docker(t, 'rm', '-f', 'inner');
  await closes(t, port);
});

test.serial('UDP, also on the loopback address of the guest', async (t) => {
  if (process.arch !== 'x64') {
    t.log('skipped: needs a guest of amd64');
    t.pass();
    return;
  }
  const [open, inner] = [await freePort(), await freePort()];
  const publish = ['-p', `${open}:53/udp`, '-p', `127.0.0.1:${inner}:53/udp`];
  const command = ['tiny', '/bin/busybox', 'sh', '-c', udpEchoCommand(53)];
  await docker(t, 'run', '-d', '--name', 'udp', ...publish, ...command);
  t.is(await askUdp('127.0.0.1', open, 'datagram', patienceMs), 'datagram');
  t.is(await askUdp('127.0.0.1', inner, 'datagram', patienceMs), 'datagram');
  if (await hasIpv6()) {
    t.is(await askUdp('::1', open, 'datagram', patienceMs), 'datagram');
  }
  await docker(t, 'rm', '-f', 'udp');
  const left = await eventually(
    async () => ports(t),
    (found) => found.length === 0,
  );
  t.deepEqual(left, []);
  t.is(await askUdp('127.0.0.1', open, 'datagram', 1_000), undefined);
});

test.serial('-P and ranges', async (t) => {
  const first = 20_000 + (process.pid % 20_000);
  const range = `${first}-${first + 4}:90-94`;
  await docker(t, 'run', '-d', '--name', 'many', '-P', '--expose', '80', '-p', range, 'tiny', ...tcpEcho);
  const found = await eventually(
    async () => ports(t),
    (list) => list.length === 6,
  );
  const ranged = found.filter(({ containerPort }) => containerPort !== 80);
  t.deepEqual(
    ranged.map(({ port, containerPort, state }) => [port - first, containerPort - 90, state]).sort(),
    [0, 1, 2, 3, 4].map((index) => [index, index, 'forwarded']),
  );
  const chosen = found.find(({ containerPort }) => containerPort === 80);
  await echoes(t, '127.0.0.1', chosen?.port ?? 0);
  await docker(t, 'rm', '-f', 'many');
  await closes(t, chosen?.port ?? 0);
});

test.serial('a port that is taken is a conflict with its reason, and is had when it is free', async (t) => {
  const squatter = await takePort(0);
  const { port } = squatter.address() as { port: number };
  await docker(t, 'run', '-d', '--name', 'late', '-p', `${port}:80`, 'tiny', ...tcpEcho);
  const [conflict] = await eventually(
    async () => ports(t),
    (list) => list.length === 1,
  );
  t.is(conflict?.state, 'conflict');
  t.regex(conflict?.reason ?? '', /another program on this computer has port/);
  t.regex(await tsmachine(t, 'logs', '--log', 'agent'), /conflict \(another program/);
  t.is(await askTcp('127.0.0.1', port, 'x'), 'somebody else');
  await new Promise((resolve) => squatter.close(resolve));
  const answer = await eventually(
    async () => askTcp('127.0.0.1', port, 'through'),
    (said) => said === 'through',
    resyncPatienceMs,
  );
  t.is(answer, 'through');
  await docker(t, 'rm', '-f', 'late');
});

test.serial(
  'an agent that was killed comes back with the next command; forwards stay meanwhile',
  async (t) => {
    const port = await freePort();
    const gone = await freePort();
    await docker(t, 'run', '-d', '--name', 'stays', '-p', `${port}:80`, 'tiny', ...tcpEcho);
    await docker(t, 'run', '-d', '--name', 'goes', '-p', `${gone}:80`, 'tiny', ...tcpEcho);
    await echoes(t, '127.0.0.1', gone);
    const pid = await agentPid();
    process.kill(Number(pid), 'SIGKILL');
    await docker(t, 'rm', '-f', 'goes');
    await echoes(t, '127.0.0.1', port);
    await tsmachine(t, 'env');
    await closes(t, gone);
    await echoes(t, '127.0.0.1', port);
    t.not(await agentPid(), pid);
    t.is((await ports(t)).length, 1);
  },
);

test.serial('50 restarts leave every port and no listener too many', async (t) => {
  t.timeout(1_800_000);
  const [port, inner] = [await freePort(), await freePort()];
  await docker(t, 'run', '-d', '--name', 'inner', '-p', `127.0.0.1:${inner}:80`, 'tiny', ...tcpEcho);
  await docker(t, 'run', '-d', '--name', 'again', '-p', `${port}:80`, 'tiny', ...tcpEcho);
  await echoes(t, '127.0.0.1', inner);
  await echoes(t, '127.0.0.1', port);
  const before = await listeners(t);
  const restarts = ['restart', '-t', '0', ...Array.from({ length: 50 }, () => 'again')];
  await ok(t, run('docker', restarts, { env: here().env, timeoutMs: 1_500_000 }));
  await echoes(t, '127.0.0.1', port);
  await echoes(t, '127.0.0.1', inner);
  t.true((await ports(t)).every(({ state }) => state === 'forwarded'));
  t.deepEqual(await listeners(t), before);
  await docker(t, 'rm', '-f', 'again', 'inner', 'stays');
  const left = await eventually(
    async () => listeners(t),
    (list) => list?.length === 2,
  );
  t.is(left?.length ?? 2, 2, 'SSH and the engine');
});

test.serial('--publish all: where the container asked for it; and back', async (t) => {
  const port = await freePort();
  await docker(t, 'run', '-d', '--name', 'open', '-p', `${port}:80`, 'tiny', ...tcpEcho);
  await tsmachine(t, 'ports', '--publish', 'all');
  t.is((await ports(t))[0]?.address, '0.0.0.0');
  await echoes(t, '127.0.0.1', port);
  await echoes(t, '127.0.0.2', port);
  await tsmachine(t, 'ports', '--publish', 'none');
  await closes(t, port);
  t.is((await ports(t))[0]?.state, 'published');
  await tsmachine(t, 'ports', '--publish', 'loopback');
  await echoes(t, '127.0.0.1', port);
  t.is(await askTcp('127.0.0.2', port, 'x', 500), undefined);
  await docker(t, 'rm', '-f', 'open');
});

/** How far the guest's clock is from ours, in seconds; the guest tells whole ones, and asking takes a while. */
async function clockError(t: ExecutionContext): Promise<number> {
  const before = Date.now() / 1000;
  const guest = Number(await tsmachine(t, 'ssh', 'default', 'date', '+%s'));
  const after = Date.now() / 1000;
  return Math.max(0, before - 1 - guest, guest - after);
}

test.serial('a guest whose clock is wrong is put right', async (t) => {
  await tsmachine(t, 'ssh', 'default', 'sudo date -s "2001-02-03 04:05:06"');
  t.true((await clockError(t)) > 1000);
  const error = await eventually(
    async () => clockError(t),
    (seconds) => seconds < 2,
    resyncPatienceMs,
  );
  t.true(error < 2, `${error} s`);
  t.regex(
    await tsmachine(t, 'logs', '--log', 'agent'),
    /The clock of the guest was [\d.]+ s behind\. It has been set\./,
  );
});

test.serial(
  'after QEMU was stopped for a minute the clock is right within seconds, and ports are forwarded',
  async (t) => {
    const pid = Number((await machineFile('default/qemu.pid')).trim());
    process.kill(pid, 'SIGSTOP');
    try {
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const error = await eventually(
      async () => clockError(t),
      (seconds) => seconds < 2,
      patienceMs,
    );
    t.true(error < 2, `${error} s`);
    const port = await freePort();
    await docker(t, 'run', '-d', '--name', 'after', '-p', `${port}:80`, 'tiny', ...tcpEcho);
    await echoes(t, '127.0.0.1', port);
    await docker(t, 'rm', '-f', 'after');
  },
);

test.serial(
  'stop ends the agent, start brings it back with the ports of containers that start with it',
  async (t) => {
    const port = await freePort();
    const options = ['--restart', 'always', '-p', `${port}:80`];
    await docker(t, 'run', '-d', '--name', 'always', ...options, 'tiny', ...tcpEcho);
    await echoes(t, '127.0.0.1', port);
    const pid = await agentPid();
    await tsmachine(t, 'stop');
    t.true(await isGone(pid));
    t.is(await lockOwner(), '');
    await closes(t, port);
    await tsmachine(t, 'start');
    await echoes(t, '127.0.0.1', port);
  },
);

test.serial('an agent ends by itself when QEMU is gone', async (t) => {
  const pid = await agentPid();
  process.kill(Number((await machineFile('default/qemu.pid')).trim()), 'SIGKILL');
  t.true(
    await eventually(
      async () => isGone(pid),
      (gone) => gone,
    ),
  );
  await tsmachine(t, 'start');
});

test.serial('rm leaves no agent and no file', async (t) => {
  const pid = await agentPid();
  await tsmachine(t, 'rm', '-y', 'default');
  t.true(await isGone(pid));
  t.deepEqual(await machinesLeft(here().store), []);
});
