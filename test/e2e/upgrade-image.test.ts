import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { busyboxTar } from '../support/busybox.ts';
import { findProgram, makeStore, projectRoot, run, type TestStore } from '../support/cli.ts';
import { readEnv } from '../support/docker-client.ts';
import { makeOtherImage } from '../support/other-image.ts';

// A machine gets another image and goes back, with everything on its data disk. In the order of the tests.

const built = path.join(projectRoot, 'build', 'image', 'amd64');
const missing = !existsSync(path.join(built, 'manifest.json'))
  ? 'a built image for amd64'
  : ['qemu-system-x86_64', 'docker'].find((program) => findProgram(program) === undefined);
const busybox = '/bin/busybox';

interface World {
  readonly store: TestStore;
  /** Where the machine's image comes from; what lies there changes. */
  readonly source: string;
  readonly directory: string;
  old: string;
  newer: string;
}

const world: Partial<World> = {};

function declare(title: string, body: (t: ExecutionContext, world: World) => Promise<void>): void {
  test.serial(title, async (t) => {
    t.timeout(600_000);
    if (missing !== undefined) {
      t.log(`skipped: needs ${missing}`);
      t.pass();
      return;
    }
    await body(t, world as World);
  });
}

test.before(async () => {
  if (missing !== undefined) {
    return;
  }
  const directory = await mkdtemp(path.join(tmpdir(), 'tsm-images-'));
  const source = path.join(directory, 'image');
  const old = await makeOtherImage(built, source, 1);
  const newer = await makeOtherImage(source, path.join(directory, 'newer'), 2);
  Object.assign(world, { store: await makeStore(), source, directory, old, newer });
});

test.after.always(async () => {
  await world.store?.dispose();
  if (world.directory !== undefined) {
    await rm(world.directory, { recursive: true, force: true });
  }
});

async function tsmachine(t: ExecutionContext, { store }: World, args: readonly string[]): Promise<string> {
  const { code, stderr } = await store.tsmachine(args, { timeoutMs: 500_000 });
  t.is(code, 0, stderr);
  return stderr;
}

async function docker(
  t: ExecutionContext,
  { store }: World,
  args: readonly string[],
  input?: Uint8Array,
): Promise<string> {
  const options = { env: await readEnv(store, 'm'), ...(input === undefined ? {} : { input }) };
  const { code, stdout, stderr } = await run('docker', args, options);
  t.is(code, 0, `${args.join(' ')}\n${stderr}`);
  return stdout;
}

async function own({ store }: World): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(path.join(store.path, 'machines', 'm', 'tsmachine.json'), 'utf8');
  return JSON.parse(text) as Record<string, unknown>;
}

/** What is on the data disk of the machine. */
async function dataOf(t: ExecutionContext, world: World): Promise<string> {
  const kept = ['run', '--rm', '-v', 'kept:/data', 'tiny', busybox, 'cat', '/data/file'];
  const containers = await docker(t, world, ['ps', '-a', '--format', '{{.Names}} {{.ID}}']);
  return `${await docker(t, world, kept)}${containers}`;
}

declare('with the newest image nothing is done', async (t, world) => {
  await tsmachine(t, world, ['create', '-d', 'qemu', '--cold', '--image', world.source, 'm']);
  await docker(t, world, ['import', '-', 'tiny'], await busyboxTar());
  await docker(t, world, [
    'run',
    '-v',
    'kept:/data',
    'tiny',
    busybox,
    'sh',
    '-c',
    'echo precious >/data/file',
  ]);
  const before = await docker(t, world, ['info', '--format', '{{.ID}}']);
  t.regex(await tsmachine(t, world, ['upgrade', 'm']), /has the newest image already/);
  t.is(await docker(t, world, ['info', '--format', '{{.ID}}']), before);
  t.like(await own(world), { imageDigest: world.old });
});

declare(
  'an upgrade boots the other image; data, certificates and the address of the engine stay',
  async (t, world) => {
    const before = await dataOf(t, world);
    await rename(world.source, `${world.source}.old`);
    await rename(path.join(world.directory, 'newer'), world.source);
    const said = await tsmachine(t, world, ['upgrade', 'm']);
    t.regex(
      said,
      /Stopping machine to do the upgrade\.\.\.[\s\S]*Upgrading machine "m"\.\.\.[\s\S]*Starting machine back up/,
    );
    t.regex(said, /The image \d+-\S+ was replaced by \d+-\S+\./);
    t.like(await own(world), { imageDigest: world.newer, previousImageDigest: world.old });
    t.is((await world.store.tsmachine(['status', 'm'])).stdout, 'Running\n');
    t.is(await dataOf(t, world), before);
  },
);

declare('images that a machine boots or goes back to are not pruned', async (t, world) => {
  await tsmachine(t, world, ['image', 'prune']);
  for (const digest of [world.old, world.newer]) {
    t.true(existsSync(path.join(world.store.path, 'cache', 'images', digest)));
  }
});

declare('a machine that is off goes back to its old image and runs then', async (t, world) => {
  await tsmachine(t, world, ['stop', 'm']);
  await tsmachine(t, world, ['upgrade', '--rollback', 'm']);
  t.like(await own(world), { imageDigest: world.old, previousImageDigest: world.newer });
  t.is((await world.store.tsmachine(['status', 'm'])).stdout, 'Running\n');
  t.regex(await dataOf(t, world), /^precious\n/);
});
