import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readVhdx } from '../../src/drivers/hyperv/vhdx/grow.ts';
import type { State } from '../fakes/hyperv/state.ts';
import { qmp } from '../fakes/qemu-process.ts';
import { busyboxTar } from '../support/busybox.ts';
import {
  findProgram,
  isGone,
  machinesLeft,
  makeStore,
  projectRoot,
  run,
  type Outcome,
  type TestStore,
} from '../support/cli.ts';
import { eventually, ok } from '../support/expect.ts';
import { readEnv } from '../support/docker-client.ts';
import { imageWithIso } from '../support/image-with-iso.ts';
import { askTcp, freePort } from '../support/sockets.ts';
import { exists, imageDirectory } from './iso-boot-bench.ts';

// One machine of Hyper-V through a whole life: the program, the driver, the VHDX that it writes, the image's ISO, the
// config disk and the guest are the real ones; powershell.exe is pretended, and runs the guest in QEMU.

/** Answers each connection with what it is sent. */
const tcpEcho = ['/bin/busybox', 'nc', '-ll', '-p', '80', '-e', '/bin/busybox', 'cat'];

interface World {
  readonly store: TestStore;
  readonly folder: string;
  readonly image: string;
  /** What makes the program find the pretended powershell.exe. */
  readonly shell: Readonly<Record<string, string>>;
  env: Record<string, string>;
}

let world: World | undefined;
let missing: string | undefined;

/** True where any address of 127.0.0.0/8 is ours, and this user may listen on its port 22. */
function mayListen(): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ host: '127.251.0.1', port: 22, exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

test.before(async (t) => {
  t.timeout(900_000);
  if (findProgram('qemu-system-x86_64') === undefined) {
    missing = 'qemu-system-x86_64';
  } else if (process.arch !== 'x64' || !(await exists(path.join(imageDirectory('amd64'), 'manifest.json')))) {
    missing = 'a built image for amd64, and a computer of that kind';
  } else if (!(await mayListen())) {
    missing = 'the right to listen on port 22 of addresses in 127.0.0.0/8';
  }
  if (missing !== undefined) {
    return;
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'tsm-hyperv-'));
  const [bin, state, image] = ['bin', 'state', 'image'].map((name) => path.join(folder, name));
  for (const directory of [bin, state, image]) {
    await mkdir(directory ?? '');
  }
  const main = path.join(projectRoot, 'dist', 'test', 'fakes', 'hyperv', 'main.js');
  const script = `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`;
  await writeFile(path.join(bin ?? '', 'powershell.exe'), script, { mode: 0o755 });
  world = {
    store: await makeStore(),
    folder,
    image: await imageWithIso(image ?? ''),
    shell: {
      PATH: `${bin ?? ''}${path.delimiter}${process.env['PATH'] ?? ''}`,
      FAKE_HYPERV_DIRECTORY: state ?? '',
    },
    env: {},
  };
});

test.after.always(async () => {
  if (world === undefined) {
    return;
  }
  for (const { pid } of (await hypervState().catch(() => undefined))?.machines ?? []) {
    if (pid !== undefined && !(await isGone(String(pid)))) {
      process.kill(pid, 'SIGKILL');
    }
  }
  await world.store.dispose();
  await rm(world.folder, { recursive: true, force: true });
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

function tsmachine(args: readonly string[]): Promise<Outcome> {
  const { store, shell, folder } = world as World;
  // The pipes of the pretended Hyper-V are in the working directory.
  return store.tsmachine(args, { env: shell, timeoutMs: 600_000, cwd: folder });
}

function docker(args: readonly string[], input?: Uint8Array): Promise<Outcome> {
  return run('docker', args, { env: (world as World).env, ...(input === undefined ? {} : { input }) });
}

async function hypervState(): Promise<State> {
  const directory = world?.shell['FAKE_HYPERV_DIRECTORY'] ?? '';
  return JSON.parse(await readFile(path.join(directory, 'state.json'), 'utf8')) as State;
}

async function machine(): Promise<State['machines'][number]> {
  const [found] = (await hypervState()).machines;
  if (found === undefined) {
    throw new Error('Hyper-V has no machine');
  }
  return found;
}

async function readMachineEnv({ store }: World): Promise<Record<string, string>> {
  return readEnv({ ...store, tsmachine });
}

life('create makes, boots and proves a machine, at an address of its own', async (t, here) => {
  const created = await tsmachine([
    ...['create', '-d', 'hyperv', '--image', here.image],
    ...['--hyperv-memory', '1536', '--hyperv-disk-size', '2000', 'default'],
  ]);
  t.is(created.code, 0, created.stderr);
  here.env = await readMachineEnv(here);
  const { addresses, notes, media, disks, isMemoryDynamic } = await machine();
  t.is(here.env['DOCKER_HOST'], `tcp://${addresses[1] ?? ''}:2376`);
  t.is(notes, `tsmachine:${path.join(here.store.path, 'machines', 'default')}`);
  t.deepEqual(
    [...media, ...disks].map((file) => path.basename(file)),
    ['boot2docker.iso', 'config.iso', 'disk.vhdx'],
  );
  t.true(isMemoryDynamic);
  const console = await readFile(path.join(here.store.path, 'machines', 'default', 'console.log'), 'utf8');
  t.regex(console, /TS [\d.]+ ready/, 'its serial line was copied');
});

life('the docker client works: info, import, run', async (t) => {
  t.regex(await ok(t, docker(['info'])), /Storage Driver: overlay2/);
  await ok(t, docker(['import', '-', 'tiny'], await busyboxTar()));
  t.is(await ok(t, docker(['run', '--rm', 'tiny', '/bin/busybox', 'echo', 'hello'])), 'hello\n');
});

life('docker run -p: the port is found on 127.0.0.1, by way of the address of the machine', async (t) => {
  const port = await freePort();
  const { id, addresses } = await machine();
  // What the virtual network of Hyper-V would do for any port.
  const rule = `hostfwd_add nat1 tcp:${addresses[1] ?? ''}:${port}-:${port}`;
  const socket = path.join(world?.shell['FAKE_HYPERV_DIRECTORY'] ?? '', `${id.slice(0, 8)}.qmp`);
  await qmp(socket, 'human-monitor-command', { 'command-line': rule });
  await ok(t, docker(['run', '-d', '--name', 'web', '-p', `${port}:80`, 'tiny', ...tcpEcho]));
  t.true(await eventually(async () => (await askTcp('127.0.0.1', port, 'through')) === 'through'));
  t.regex(
    await ok(t, tsmachine(['ports'])),
    new RegExp(`web\\s+80/tcp\\s+127\\.0\\.0\\.1:${port}\\s+forwarded`),
  );
  await ok(t, docker(['rm', '-f', 'web']));
});

life('ssh, status, ip, url, ls', async (t, here) => {
  const { addresses } = await machine();
  t.is(await ok(t, tsmachine(['ssh', 'default', 'hostname'])), 'default\n');
  t.is(await ok(t, tsmachine(['status'])), 'Running\n');
  t.is(await ok(t, tsmachine(['ip'])), `${addresses[1] ?? ''}\n`);
  t.is(await ok(t, tsmachine(['url'])), `${here.env['DOCKER_HOST'] ?? ''}\n`);
  t.regex(await ok(t, tsmachine(['ls'])), /default\s+-\s+hyperv\s+Running\s+tcp:\/\/127\.[\d.]+:2376/);
});

life('stop asks the guest, which powers off', async (t) => {
  const { pid } = await machine();
  await ok(t, tsmachine(['stop']));
  t.true(await isGone(String(pid)));
  t.is(await ok(t, tsmachine(['status'])), 'Stopped\n');
  t.regex((await tsmachine(['env'])).stderr, /Host is not running/);
});

life(
  'set, then start: another address, for which there is a certificate; a larger disk with the same data',
  async (t, here) => {
    const before = here.env['DOCKER_HOST'];
    await ok(t, tsmachine(['set', '--disk', '3000', '--memory', '1400', 'default']));
    await ok(t, tsmachine(['start']));
    here.env = await readMachineEnv(here);
    t.not(here.env['DOCKER_HOST'], before);
    const { disks, memoryBytes } = await machine();
    t.is(memoryBytes, 1400 * 1024 * 1024);
    const file = await readFile(disks[0] ?? '');
    const facts = await readVhdx(async (offset, length) => file.subarray(offset, offset + length));
    t.is(facts?.diskBytes, 3000 * 1024 * 1024);
    t.is(await ok(t, docker(['run', '--rm', 'tiny', '/bin/busybox', 'echo', 'again'])), 'again\n');
    const kibibytes = await ok(
      t,
      tsmachine(['ssh', 'default', "df -k /var/lib/docker | tail -1 | awk '{print $2}'"]),
    );
    t.true(Number(kibibytes) > 2_500_000, `the file system has ${kibibytes} KiB`);
  },
);

life('kill, then rm leaves nothing: no machine, no file', async (t, here) => {
  await ok(t, tsmachine(['kill']));
  t.is(await ok(t, tsmachine(['status'])), 'Stopped\n');
  await ok(t, tsmachine(['rm', '-y', 'default']));
  t.deepEqual((await hypervState()).machines, []);
  t.deepEqual(await machinesLeft(here.store), []);
});
