import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systems } from '../fixtures/provision/systems.ts';
import { busyboxTar } from '../support/busybox.ts';
import { makeStore, projectRoot, type TestStore } from '../support/cli.ts';
import { findDebianClient } from '../support/docker-client.ts';
import { linuxHostMissing, startLinuxHost, type LinuxHost } from '../support/linux-host.ts';
import { dockerOnHost, onHost } from '../support/on-host.ts';

// A host whose services OpenRC controls, and whose shell and tools are busybox', as on Alpine. It calls itself Alpine; its apk
// is pretended, since none can be had from Debian.

const client = findDebianClient();
const missing = linuxHostMissing() ?? (client === undefined ? 'needs a docker client' : undefined);
const busybox = '/bin/busybox';

interface World {
  readonly host: LinuxHost;
  readonly store: TestStore;
}

const world: Partial<World> = {};

test.before(async (t) => {
  t.timeout(600_000);
  if (missing === undefined) {
    const host = await startLinuxHost('bookworm', 'openrc');
    Object.assign(world, { host, store: await makeStore() });
    const text = systems.find(({ family }) => family === 'alpine')?.text ?? '';
    const file = (name: string): string => path.join(host.root, name);
    const fixture = (name: string): string => path.join(projectRoot, 'test', 'fixtures', 'provision', name);
    await writeFile(file('usr/lib/os-release'), text);
    await copyFile(fixture('pretended-apk.sh'), file('usr/local/bin/apk'));
    await copyFile(fixture('docker.openrc'), file('srv/docker.openrc'));
    await writeFile(file('srv/release'), '1\n');
    await mkdir(file('etc/apk'));
    await writeFile(file('etc/apk/repositories'), '#https://127.0.0.1/alpine/v3.21/community\n');
  }
});

test.after.always(async () => {
  await world.store?.dispose();
  await world.host?.stop();
});

/** A test that needs the host. */
function hosted(title: string, body: (t: ExecutionContext, world: World) => Promise<void>): void {
  test.serial(title, async (t) => {
    t.timeout(600_000);
    if (missing !== undefined) {
      t.log(`skipped: ${missing}`);
      t.pass();
      return;
    }
    await body(t, world as World);
  });
}

hosted('without the repository that has the engine, create says what to do', async (t, { store, host }) => {
  const { code, stderr } = await store.tsmachine(create(host), { timeoutMs: 500_000 });
  t.is(code, 1);
  t.regex(stderr, /"community" is not enabled in \/etc\/apk\/repositories/);
  await succeed(t, ['rm', '-f', '-y', 'host']);
  await inside(t, "sed -i 's/^#//' /etc/apk/repositories");
});

hosted('OpenRC starts the engine with its options, and at the next boot', async (t, { host }) => {
  await succeed(t, create(host));
  await docker(t, ['import', '-', 'tiny'], await busyboxTar());
  t.is(await docker(t, ['run', '--rm', 'tiny', busybox, 'echo', 'hello']), 'hello\n');
  t.regex(await docker(t, ['info', '-f', '{{json .Labels}}']), /"place=here"/);
  t.regex(await inside(t, "tr '\\0' '\\n' </proc/$(pidof dockerd)/environ"), /^SAID=a 'quoted' word$/m);
  t.regex(await inside(t, 'rc-update show default'), /docker/);
  t.regex(await inside(t, 'rc-service docker status'), /started/);
});

hosted('a second provision writes and restarts nothing', async (t) => {
  const engine = await inside(t, 'pidof dockerd');
  t.regex(await succeed(t, ['provision', 'host']), /nothing was written, nothing was restarted/);
  t.is(await inside(t, 'pidof dockerd'), engine);
});

hosted('an upgrade restarts the engine, and containers go on', async (t, { host }) => {
  await docker(t, ['run', '-d', '--name', 'steady', 'tiny', busybox, 'sleep', '100000']);
  const before = await docker(t, ['inspect', '-f', '{{.State.Pid}}', 'steady']);
  const engine = await inside(t, 'pidof dockerd');
  await succeed(t, ['upgrade', 'host']);
  t.is(await inside(t, 'pidof dockerd'), engine, 'there is nothing new');

  await writeFile(path.join(host.root, 'srv', 'release'), '2\n');
  await succeed(t, ['upgrade', 'host']);
  t.not(await inside(t, 'pidof dockerd'), engine);
  t.is(await inside(t, 'tail -c 10 /usr/bin/dockerd'), 'release 2');
  t.is(await docker(t, ['inspect', '-f', '{{.State.Pid}}', 'steady']), before, 'the container went on');
});

hosted('new certificates are taken, and containers go on', async (t) => {
  const before = await docker(t, ['inspect', '-f', '{{.State.Pid}}', 'steady']);
  await succeed(t, ['regenerate-certs', '-f', 'host']);
  t.is(await docker(t, ['inspect', '-f', '{{.State.Pid}}', 'steady']), before);
});

function create({ address, keyPath }: LinuxHost): readonly string[] {
  return [
    ...['create', '-d', 'generic', '--generic-ip-address', address, '--generic-ssh-key', keyPath],
    ...['--engine-label', 'place=here', '--engine-env', "SAID=a 'quoted' word", 'host'],
  ];
}

async function succeed(t: ExecutionContext, args: readonly string[]): Promise<string> {
  const { code, stderr } = await (world as World).store.tsmachine(args, { timeoutMs: 500_000 });
  t.is(code, 0, stderr);
  return stderr;
}

const inside = (t: ExecutionContext, script: string): Promise<string> =>
  onHost(t, (world as World).host, script);

const docker = (t: ExecutionContext, args: readonly string[], input?: Uint8Array): Promise<string> =>
  dockerOnHost(t, { store: (world as World).store, client: client ?? '' }, args, input);
