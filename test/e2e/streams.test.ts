import { createHash, randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { busyboxTar } from '../support/busybox.ts';
import { makeStore, type TestStore } from '../support/cli.ts';
import { readEnv } from '../support/docker-client.ts';
import { dockerBytes, startDocker } from '../support/docker-stream.ts';
import { loadArchive } from '../support/load-archive.ts';

// What flows through the TLS terminator: half-closed streams, long ones, and much data. One machine for all.

const busybox = '/bin/busybox';
const mib = 1024 * 1024;

interface World {
  readonly store: TestStore;
  env: Record<string, string>;
}

const world: Partial<World> = {};

function here(): World {
  return world as World;
}

function docker(t: ExecutionContext, args: readonly string[], input?: string | Uint8Array): Promise<Buffer> {
  return dockerBytes(t, here().env, args, input);
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

test.before(async (t) => {
  t.timeout(400_000);
  const store = await makeStore({ sharesTemplates: 'usual' });
  Object.assign(world, { store });
  const created = await store.tsmachine(['create', '-d', 'qemu', 'default']);
  t.is(created.code, 0, created.stderr);
  here().env = await readEnv(store);
  await docker(t, ['import', '-', 'tiny'], await busyboxTar());
  await docker(t, ['run', '-d', '--name', 'sleeper', 'tiny', busybox, 'sleep', '3600']);
});

test.after.always(async () => {
  await here().store.dispose();
});

// The command keeps what it reads, and answers when the client has closed its side seconds before.
const keepAndAnswer = [
  `${busybox} cat > /kept`,
  `${busybox} sleep 2`,
  `${busybox} cat /kept`,
  `${busybox} sleep 1.5`,
  `${busybox} cat /kept`,
].join('; ');

for (const [title, command] of [
  ['run -i', ['run', '-i', '--rm', 'tiny']],
  ['exec -i', ['exec', '-i', 'sleeper']],
] as const) {
  test.serial(
    `${title}: output goes on for seconds after the end of the input, every byte of it`,
    async (t) => {
      const sent = randomBytes(4 * mib);
      const startedMs = performance.now();
      const received = await docker(t, [...command, busybox, 'sh', '-c', keepAndAnswer], sent);
      t.true(performance.now() - startedMs > 3500);
      t.is(received.length, 2 * sent.length);
      t.is(sha256(received), sha256(Buffer.concat([sent, sent])));
    },
  );
}

test.serial('run -i: the container ends while the input is still open, and so does the client', async (t) => {
  const { child, ended } = startDocker(here().env, [
    'run',
    '-i',
    '--rm',
    'tiny',
    busybox,
    'sh',
    '-c',
    'echo bye; exit 3',
  ]);
  const { code, stdout } = await ended;
  child.stdin.end();
  t.is(code, 3);
  t.is(stdout.toString(), 'bye\n');
});

test.serial('load of 100 MB that cannot be compressed arrives unharmed', async (t) => {
  const { archive, configDigest, layerDigest } = loadArchive('heavy:1', randomBytes(100 * mib));
  t.regex((await docker(t, ['load'], archive)).toString(), /Loaded image: heavy:1/);
  const format = '{{.Id}} {{index .RootFS.Layers 0}}';
  const inspected = await docker(t, ['image', 'inspect', '--format', format, 'heavy:1']);
  t.is(inspected.toString().trim(), `sha256:${configDigest} sha256:${layerDigest}`);
  await docker(t, ['rmi', 'heavy:1']);
});
