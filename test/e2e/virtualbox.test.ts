import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { State } from '../fakes/vboxmanage/state.ts';
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

// One machine of VirtualBox through a whole life: the program, the driver, the image's ISO, the config disk and the
// guest are the real ones; VBoxManage is pretended, and runs the guest in QEMU on the hardware that VirtualBox has.

/** Answers each connection with what it is sent. */
const tcpEcho = ['/bin/busybox', 'nc', '-ll', '-p', '80', '-e', '/bin/busybox', 'cat'];

interface World {
  readonly store: TestStore;
  readonly folder: string;
  readonly image: string;
  /** What makes the program find the pretended VBoxManage. */
  readonly vbox: Readonly<Record<string, string>>;
  env: Record<string, string>;
}

let world: World | undefined;
let missing: string | undefined;

test.before(async (t) => {
  t.timeout(900_000);
  if (findProgram('qemu-system-x86_64') === undefined) {
    missing = 'qemu-system-x86_64';
  } else if (process.arch !== 'x64' || !(await exists(path.join(imageDirectory('amd64'), 'manifest.json')))) {
    missing = 'a built image for amd64, and a computer of that kind';
  }
  if (missing !== undefined) {
    return;
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'tsm-vbox-'));
  const [bin, state, image] = ['bin', 'state', 'image'].map((name) => path.join(folder, name));
  for (const directory of [bin, state, image]) {
    await mkdir(directory ?? '');
  }
  const main = path.join(projectRoot, 'dist', 'test', 'fakes', 'vboxmanage', 'main.js');
  const script = `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`;
  await writeFile(path.join(bin ?? '', 'VBoxManage'), script, { mode: 0o755 });
  world = {
    store: await makeStore(),
    folder,
    image: await imageWithIso(image ?? ''),
    vbox: {
      PATH: `${bin ?? ''}${path.delimiter}${process.env['PATH'] ?? ''}`,
      FAKE_VBOX_DIRECTORY: state ?? '',
      FAKE_VBOX_PROFILE: '7.2',
    },
    env: {},
  };
});

test.after.always(async () => {
  if (world === undefined) {
    return;
  }
  for (const { pid } of (await vboxState().catch(() => undefined))?.machines ?? []) {
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

function tsmachine(args: readonly string[], timeoutMs = 600_000): Promise<Outcome> {
  return (world as World).store.tsmachine(args, { env: (world as World).vbox, timeoutMs });
}

function docker(args: readonly string[], input?: Uint8Array): Promise<Outcome> {
  return run('docker', args, { env: (world as World).env, ...(input === undefined ? {} : { input }) });
}

async function vboxState(): Promise<State> {
  const directory = world?.vbox['FAKE_VBOX_DIRECTORY'] ?? '';
  return JSON.parse(await readFile(path.join(directory, 'state.json'), 'utf8')) as State;
}

/** The only machine that VirtualBox has. */
async function machine(): Promise<State['machines'][number]> {
  const [found] = (await vboxState()).machines;
  if (found === undefined) {
    throw new Error('VirtualBox has no machine');
  }
  return found;
}

async function readMachineEnv({ store, vbox }: World): Promise<Record<string, string>> {
  const withVBox: TestStore = { ...store, tsmachine: (args) => store.tsmachine(args, { env: vbox }) };
  return readEnv(withVBox);
}

life('create makes, boots and proves a machine', async (t, here) => {
  const created = await tsmachine([
    'create',
    '-d',
    'virtualbox',
    '--image',
    here.image,
    '--virtualbox-memory',
    '1536',
    'default',
  ]);
  t.is(created.code, 0, created.stderr);
  here.env = await readMachineEnv(here);
  t.regex(here.env['DOCKER_HOST'] ?? '', /^tcp:\/\/127\.0\.0\.1:\d+$/);
  const { extraData, settings, controllers } = await machine();
  t.is(extraData['tsmachine/owner'], path.join(here.store.path, 'machines', 'default'));
  t.is(settings['memory'], '1536');
  t.deepEqual(Object.keys(controllers[0]?.media ?? {}), ['0-0', '1-0', '2-0']);
});

life('the docker client works: info, import, run', async (t) => {
  t.regex(await ok(t, docker(['info'])), /Storage Driver: overlay2/);
  await ok(t, docker(['import', '-', 'tiny'], await busyboxTar()));
  t.is(await ok(t, docker(['run', '--rm', 'tiny', '/bin/busybox', 'echo', 'hello'])), 'hello\n');
});

life(
  'docker run -p: the port is found on 127.0.0.1, by a rule of VirtualBox, and gone with the container',
  async (t) => {
    const port = await freePort();
    await ok(t, docker(['run', '-d', '--name', 'web', '-p', `${port}:80`, 'tiny', ...tcpEcho]));
    const isForwarded = async (): Promise<boolean> =>
      (await machine()).forwardings.some(({ rule }) => rule.includes(`,127.0.0.1,${port},`));
    t.true(await eventually(async () => (await askTcp('127.0.0.1', port, 'through')) === 'through'));
    t.true(await isForwarded());
    await ok(t, docker(['rm', '-f', 'web']));
    t.true(await eventually(async () => !(await isForwarded())));
  },
);

life('ssh, status, ip, url, ls', async (t, here) => {
  t.is(await ok(t, tsmachine(['ssh', 'default', 'hostname'])), 'default\n');
  t.is(await ok(t, tsmachine(['status'])), 'Running\n');
  t.is(await ok(t, tsmachine(['ip'])), '127.0.0.1\n');
  t.is(await ok(t, tsmachine(['url'])), `${here.env['DOCKER_HOST'] ?? ''}\n`);
  t.regex(await ok(t, tsmachine(['ls'])), /default\s+-\s+virtualbox\s+Running\s+tcp:\/\/127\.0\.0\.1:\d+/);
});

life('stop asks the guest, which powers off; env says what to do', async (t) => {
  const { pid } = await machine();
  await ok(t, tsmachine(['stop']));
  t.true(await isGone(String(pid)));
  t.is(await ok(t, tsmachine(['status'])), 'Stopped\n');
  t.regex((await tsmachine(['env'])).stderr, /Host is not running/);
});

life('start goes to another port when somebody has the last one; data and identity stay', async (t, here) => {
  const port = Number(new URL(here.env['DOCKER_HOST'] ?? '').port);
  const script = `require('net').createServer().listen(${port}, '127.0.0.1', () => console.log('up'))`;
  const squatter = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => squatter.stdout.once('data', resolve));
  try {
    await ok(t, tsmachine(['start']));
  } finally {
    squatter.kill();
  }
  here.env = await readMachineEnv(here);
  t.not(Number(new URL(here.env['DOCKER_HOST'] ?? '').port), port);
  t.is(await ok(t, docker(['run', '--rm', 'tiny', '/bin/busybox', 'echo', 'again'])), 'again\n');
});

life('restart, then kill', async (t, here) => {
  const before = (await machine()).pid;
  await ok(t, tsmachine(['restart']));
  t.not((await machine()).pid, before);
  here.env = await readMachineEnv(here);
  t.regex(await ok(t, docker(['images'])), /tiny/);
  await ok(t, tsmachine(['kill']));
  t.is(await ok(t, tsmachine(['status'])), 'Stopped\n');
});

life('rm leaves nothing: no machine, no medium, no file', async (t, here) => {
  await ok(t, tsmachine(['rm', '-y', 'default']));
  const { machines, media } = await vboxState();
  t.deepEqual({ machines, media }, { machines: [], media: [] });
  t.deepEqual(await machinesLeft(here.store), []);
});
