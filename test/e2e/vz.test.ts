import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { busyboxTar } from '../support/busybox.ts';
import {
  findProgram,
  machinesLeft,
  makeStore,
  projectRoot,
  run,
  type Outcome,
  type TestStore,
} from '../support/cli.ts';
import { ok } from '../support/expect.ts';
import { readEnv } from '../support/docker-client.ts';
import { qmp } from '../fakes/qemu-process.ts';
import { askTcp, freePort } from '../support/sockets.ts';
import { exists, imageDirectory } from './iso-boot-bench.ts';

// One machine of vfkit through a whole life: the program, the driver, the disk, the config disk and the guest with its
// console by virtio are the real ones; vfkit is pretended, and runs the guest in QEMU.

interface World {
  readonly store: TestStore;
  readonly folder: string;
  readonly shell: Readonly<Record<string, string>>;
  env: Record<string, string>;
}

let world: World | undefined;
let missing: string | undefined;
/** Answers each connection with what it is sent. */
const tcpEcho = ['/bin/busybox', 'nc', '-ll', '-p', '80', '-e', '/bin/busybox', 'cat'];
const patienceMs = 120_000;

/** True where any address of 127.0.0.0/8 is ours, and this user may listen on its port 22. */
function mayListen(): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ host: '127.252.0.1', port: 22, exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

test.before(async () => {
  if (findProgram('qemu-system-x86_64') === undefined) {
    missing = 'qemu-system-x86_64';
  } else if (process.arch !== 'x64' || !(await exists(path.join(imageDirectory('amd64'), 'manifest.json')))) {
    missing = 'a built image for amd64, and a computer of that kind';
  } else if (!(await mayListen())) {
    missing = 'the right to listen on port 22 of addresses in 127.0.0.0/8';
  } else {
    const folder = await mkdtemp(path.join(tmpdir(), 'tsm-vz-'));
    const bin = path.join(folder, 'bin');
    await mkdir(bin);
    const main = path.join(projectRoot, 'dist', 'test', 'fakes', 'vfkit', 'main.js');
    const script = `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`;
    await writeFile(path.join(bin, 'vfkit'), script, { mode: 0o755 });
    const shell = { PATH: `${bin}${path.delimiter}${process.env['PATH'] ?? ''}` };
    world = { store: await makeStore(), folder, shell, env: {} };
  }
});

test.after.always(async () => {
  if (world !== undefined) {
    await tsmachine('rm', '-f', '-y', 'default');
    await world.store.dispose();
    await rm(world.folder, { recursive: true, force: true });
  }
});

function life(title: string, action: (t: ExecutionContext, world: World) => Promise<void>): void {
  test.serial(title, async (t) => {
    t.timeout(900_000);
    if (world === undefined) {
      t.log(`skipped: needs ${missing ?? 'a world'}`);
      t.pass();
      return;
    }
    await action(t, world);
  });
}

function tsmachine(...args: string[]): Promise<Outcome> {
  const { store, shell } = world as World;
  return store.tsmachine(args, { env: shell, timeoutMs: 600_000 });
}

function docker(args: readonly string[], input?: Uint8Array): Promise<Outcome> {
  return run('docker', args, { env: (world as World).env, ...(input === undefined ? {} : { input }) });
}

const readMachineEnv = ({ store }: World): Promise<Record<string, string>> =>
  readEnv({ ...store, tsmachine: (args) => tsmachine(...args) });

life('create makes, boots and proves a machine, at the address that its guest tells', async (t, here) => {
  const image = imageDirectory('amd64');
  const sizes = ['--memory', '1024', '--disk', '4000', '--share', 'none'];
  await ok(t, tsmachine('create', '-d', 'vz', '--image', image, ...sizes, 'default'));
  here.env = await readMachineEnv(here);
  t.regex(here.env['DOCKER_HOST'] ?? '', /^tcp:\/\/127\.[\d.]+:2376$/);
  t.is(await ok(t, tsmachine('status')), 'Running\n');
  t.is(here.env['DOCKER_HOST'], `tcp://${(await ok(t, tsmachine('ip'))).trim()}:2376`);
});

life('the docker client works; docker run -p: the port is found on 127.0.0.1', async (t, here) => {
  await ok(t, docker(['import', '-', 'tiny'], await busyboxTar()));
  t.is(await ok(t, docker(['run', '--rm', 'tiny', '/bin/busybox', 'echo', 'hello'])), 'hello\n');
  const port = await freePort();
  // What the NAT network of macOS would do for any port.
  const address = (await ok(t, tsmachine('ip'))).trim();
  const rule = `hostfwd_add nat1 tcp:${address}:${port}-:${port}`;
  await qmp(path.join(here.store.path, 'machines', 'default', 'vfkit.sock.qmp'), 'human-monitor-command', {
    'command-line': rule,
  });
  await ok(t, docker(['run', '-d', '--name', 'web', '-p', `${port}:80`, 'tiny', ...tcpEcho]));
  const deadline = Date.now() + patienceMs;
  const ask = async (): Promise<string | undefined> => askTcp('127.0.0.1', port, 'through');
  let answer = await ask();
  while (answer !== 'through' && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    answer = await ask();
  }
  t.is(answer, 'through');
  await ok(t, docker(['rm', '-f', 'web']));
});

life('stop asks the guest; start: another address, for which there is a certificate', async (t, here) => {
  const before = here.env['DOCKER_HOST'];
  await ok(t, tsmachine('stop'));
  t.is(await ok(t, tsmachine('status')), 'Stopped\n');
  await ok(t, tsmachine('start'));
  here.env = await readMachineEnv(here);
  t.not(here.env['DOCKER_HOST'], before);
  t.is(await ok(t, docker(['run', '--rm', 'tiny', '/bin/busybox', 'echo', 'again'])), 'again\n');
});

life('rm of a running machine leaves nothing: no process, no file', async (t, here) => {
  const files = path.join(here.store.path, 'machines', 'default');
  t.true((await run('pgrep', ['-f', files])).stdout !== '');
  await ok(t, tsmachine('rm', '-y', 'default'));
  t.is((await run('pgrep', ['-f', files])).stdout, '');
  t.deepEqual(await machinesLeft(here.store), []);
});
