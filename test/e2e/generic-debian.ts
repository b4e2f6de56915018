import { createHash } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { makeIdentity } from '../integration/host/certificates.ts';
import { busyboxTar } from '../support/busybox.ts';
import { makeStore, run, type Outcome, type TestStore } from '../support/cli.ts';
import { findDebianClient, readEnv, tryClient } from '../support/docker-client.ts';
import { linuxHostMissing, startLinuxHost, type DebianSuite, type LinuxHost } from '../support/linux-host.ts';
import { dockerOnHost, onHost } from '../support/on-host.ts';

// A host from bare to containers, and everything that is done to it later. In the order of the tests.

interface World {
  readonly host: LinuxHost;
  readonly store: TestStore;
  readonly client: string;
}

const busybox = '/bin/busybox';

/** Declares the tests for one version of Debian. */
export function declareGenericHost(suite: DebianSuite): void {
  const client = findDebianClient();
  const missing = linuxHostMissing() ?? (client === undefined ? 'needs a docker client' : undefined);
  const world: Partial<World> = {};

  test.before(async (t) => {
    t.timeout(400_000);
    if (missing === undefined && client !== undefined) {
      Object.assign(world, { host: await startLinuxHost(suite), store: await makeStore(), client });
    }
  });
  test.after.always(async () => {
    await world.store?.dispose();
    await world.host?.stop();
  });
  for (const [title, body] of Object.entries(scenario)) {
    test.serial(`${suite}: ${title}`, async (t) => {
      t.timeout(600_000);
      if (missing !== undefined) {
        t.log(`skipped: ${missing}`);
        t.pass();
        return;
      }
      await body(t, world as World);
    });
  }
}

type Body = (t: ExecutionContext, world: World) => Promise<void>;

const scenario: Readonly<Record<string, Body>> = {
  'a user that cannot become root is told so before anything is done': async (t, world) => {
    await onHost(t, world.host, [
      'useradd -m guest',
      'install -d -o guest -m 700 /home/guest/.ssh',
      'install -o guest -m 600 /root/.ssh/authorized_keys /home/guest/.ssh/',
    ]);
    const created = await create(world, 'weak', ['--generic-ssh-user', 'guest']);
    t.is(created.code, 1);
    t.regex(created.stderr, /The SSH user "guest" cannot become root on the host/);
    t.regex(created.stderr, /\[sudo-needed\]/);
    t.is((await world.store.tsmachine(['rm', '-y', 'weak'])).code, 0);
    t.is(await onHost(t, world.host, ['ls /etc/docker 2>/dev/null || echo none']), 'none');
  },
  'a bare host becomes a machine': async (t, world) => {
    const extraCa = path.join(world.store.path, '..', 'extra.pem');
    await writeFile(extraCa, makeIdentity(['x']).ca);
    const created = await create(world, 'host', [
      ...['--extra-ca', extraCa],
      ...['--engine-env', `HTTP_PROXY=${world.host.proxyUrl}`],
      ...['--engine-env', 'ODD=a "b" $c %d \\e'],
      ...['--engine-label', 'place=here', '--engine-opt', 'log-level=debug'],
      ...['--engine-insecure-registry', 'registry.example:5000', '--tls-san', 'build.example.com'],
    ]);
    t.is(created.code, 0, created.stderr);
    t.regex(created.stderr, /Provisioning with debian\.\.\./);
    t.regex(created.stderr, /Docker is up and running!/);
    const env = await readEnv(world.store, 'host');
    const imported = await dockerOnHost(t, world, ['import', '-', 'tiny'], await busyboxTar());
    t.regex(imported, /^sha256:/);
    await dockerOnHost(t, world, ['run', '-d', '--name', 'steady', 'tiny', busybox, 'sleep', '100000']);
    await tryClient(t, { client: world.client, env, image: 'tiny', container: 'steady' });
  },
  'every option of the engine has its effect': async (t, world) => {
    const info = JSON.parse(await dockerOnHost(t, world, ['info', '--format', '{{json .}}'])) as Record<
      string,
      unknown
    >;
    t.deepEqual([...(info['Labels'] as string[])].sort(), ['place=here', 'provider=generic']);
    t.is(info['Name'], 'host');
    t.true(JSON.stringify(info['RegistryConfig']).includes('registry.example:5000'));
    const environment = await onHost(t, world.host, ['tr "\\0" "\\n" </proc/$(pidof dockerd)/environ']);
    t.true(environment.split('\n').includes('ODD=a "b" $c %d \\e'), environment);
    t.regex(environment, /^SSL_CERT_DIR=\/etc\/ssl\/certs:.*:\/etc\/docker\/tsmachine-ca$/m);
    const file = await readFile(path.join(world.store.path, '..', 'extra.pem'), 'utf8');
    const extraCa = file.replaceAll('\r\n', '\n');
    t.is(
      await onHost(t, world.host, ['sha256sum </etc/docker/tsmachine-ca/extra-ca.pem']),
      `${sha256(extraCa)}  -`,
    );
    const line = await onHost(t, world.host, ['tr "\\0" " " </proc/$(pidof dockerd)/cmdline']);
    t.regex(line, /^\/usr\/sbin\/dockerd .*--log-level=debug/);
    t.is(await onHost(t, world.host, ['stat -c %a /etc/docker/server-key.pem']), '600');
    t.is(await onHost(t, world.host, ['hostname; cat /etc/hostname']), 'host\nhost');
  },
  'a second provisioning writes nothing and restarts nothing': async (t, world) => {
    const before = await fingerprintOf(t, world);
    const again = await world.store.tsmachine(['provision', 'host']);
    t.is(again.code, 0, again.stderr);
    t.regex(again.stderr, /nothing was written, nothing was restarted/);
    t.is(await fingerprintOf(t, world), before);
  },
  'a CA that has gone is taken away from the host, and the containers go on': async (t, world) => {
    const before = await containerOf(t, world);
    await rm(path.join(world.store.path, '..', 'extra.pem'));
    const again = await world.store.tsmachine(['provision', 'host']);
    t.is(again.code, 0, again.stderr);
    t.regex(again.stderr, /Removed: \/etc\/docker\/tsmachine-ca\/extra-ca\.pem/);
    t.is(await containerOf(t, world), before);
    const environment = await onHost(t, world.host, ['tr "\\0" "\\n" </proc/$(pidof dockerd)/environ']);
    t.false(environment.includes('SSL_CERT_DIR'), environment);
  },
  'new certificates: the engine restarts, its containers go on': async (t, world) => {
    const before = await containerOf(t, world);
    const engine = await onHost(t, world.host, ['pidof dockerd']);
    const renewed = await world.store.tsmachine(['regenerate-certs', '-f', 'host']);
    t.is(renewed.code, 0, renewed.stderr);
    t.is(await containerOf(t, world), before);
    t.not(await onHost(t, world.host, ['pidof dockerd']), engine);
    const served = await readFile(path.join(world.store.path, 'machines', 'host', 'server.pem'), 'utf8');
    t.is(await onHost(t, world.host, ['sha256sum </etc/docker/server.pem']), `${sha256(served)}  -`);
    // A swarm refuses an engine that keeps its containers, so the setting is gone again.
    t.is(await dockerOnHost(t, world, ['info', '--format', '{{.LiveRestoreEnabled}}']), 'false\n');
  },
  'what somebody else changed is put right, and theirs is kept': async (t, world) => {
    const before = await containerOf(t, world);
    await onHost(t, world.host, [
      `sed -i 's/^{/{"max-concurrent-downloads": 7,/; /"tlsverify"/d' /etc/docker/daemon.json`,
      'chmod 644 /etc/docker/server-key.pem',
    ]);
    const again = await world.store.tsmachine(['provision', 'host']);
    t.is(again.code, 0, again.stderr);
    const config = JSON.parse(await onHost(t, world.host, ['cat /etc/docker/daemon.json'])) as Record<
      string,
      unknown
    >;
    t.is(config['max-concurrent-downloads'], 7);
    t.is(config['tlsverify'], true);
    t.is(await onHost(t, world.host, ['stat -c %a /etc/docker/server-key.pem']), '600');
    t.is(await containerOf(t, world), before);
  },
  'a configuration with which the engine does not start is put back': async (t, world) => {
    const record = path.join(world.store.path, 'machines', 'host', 'config.json');
    const before = await containerOf(t, world);
    await run('sed', ['-i', 's/"log-level=debug"/"no-such-option=1"/', record]);
    const failed = await world.store.tsmachine(['provision', 'host']);
    t.is(failed.code, 1);
    t.regex(failed.stderr, /\[provision-failed\]/);
    t.regex(failed.stderr, /no-such-option/);
    await run('sed', ['-i', 's/"no-such-option=1"/"log-level=debug"/', record]);
    t.is(await containerOf(t, world), before);
    t.is((await world.store.tsmachine(['version', 'host'])).code, 0);
    const leftovers = await onHost(t, world.host, [
      'find /etc -name "*.old" -o -name "*.new" -newer /etc/hostname',
    ]);
    t.is(leftovers, '');
  },
  'another storage driver is refused while there is data': async (t, world) => {
    const record = path.join(world.store.path, 'machines', 'host', 'config.json');
    await run('sed', ['-i', 's/"StorageDriver": ""/"StorageDriver": "vfs"/', record]);
    const before = await fingerprintOf(t, world);
    const refused = await world.store.tsmachine(['provision', 'host']);
    t.is(refused.code, 1);
    t.regex(refused.stderr, /\[engine-conflict\]/);
    t.is(await fingerprintOf(t, world), before);
    await run('sed', ['-i', 's/"StorageDriver": "vfs"/"StorageDriver": ""/', record]);
  },
  'an upgrade keeps containers': async (t, world) => {
    const before = await containerOf(t, world);
    const upgraded = await world.store.tsmachine(['upgrade', 'host']);
    t.is(upgraded.code, 0, upgraded.stderr);
    t.regex(upgraded.stderr, /is the newest there is/);
    t.is(await containerOf(t, world), before);
  },
  'stop and kill are not for this driver, and the host runs already': async (t, world) => {
    for (const verb of ['stop', 'kill']) {
      const refused = await world.store.tsmachine([verb, 'host']);
      t.is(refused.code, 1);
      t.true(refused.stderr.includes(`generic driver does not support ${verb}`), refused.stderr);
    }
  },
  'a restart boots the host again': async (t, world) => {
    const { host, store } = world;
    const boots = host.boots();
    const restarted = await store.tsmachine(['restart', 'host']);
    t.is(restarted.code, 0, restarted.stderr);
    t.is(host.boots(), boots + 1);
    t.is((await store.tsmachine(['version', 'host'])).code, 0);
  },
  'rm forgets the machine and leaves the host; another store takes it over with its containers': async (
    t,
    world,
  ) => {
    await dockerOnHost(t, world, ['start', 'steady']);
    const before = await containerOf(t, world);
    t.is((await world.store.tsmachine(['rm', '-y', 'host'])).code, 0);
    await t.throwsAsync(stat(path.join(world.store.path, 'machines', 'host')), { code: 'ENOENT' });
    const other = await makeStore();
    try {
      const created = await create({ ...world, store: other }, 'host', []);
      t.is(created.code, 0, created.stderr);
      t.regex(created.stderr, /its containers went on/);
      t.is(await containerOf(t, { ...world, store: other }), before);
    } finally {
      await other.dispose();
    }
  },
};

function create(
  { host, store }: Pick<World, 'host' | 'store'>,
  name: string,
  args: readonly string[],
): Promise<Outcome> {
  const where = ['--generic-ip-address', host.address, '--generic-ssh-key', host.keyPath];
  return store.tsmachine(['create', '-d', 'generic', ...where, ...args, name], { timeoutMs: 500_000 });
}

/** Process and begin of the container that must not notice anything. */
async function containerOf(t: ExecutionContext, world: World): Promise<string> {
  const state = await dockerOnHost(t, world, [
    'inspect',
    '-f',
    '{{.State.Pid}} {{.State.StartedAt}}',
    'steady',
  ]);
  t.regex(state, /^[1-9]\d* /, 'it runs');
  return state;
}

/** Changes when a file below /etc is written or the engine is restarted. */
async function fingerprintOf(t: ExecutionContext, world: World): Promise<string> {
  return onHost(t, world.host, [
    'find /etc -xdev -printf "%p %m %T@ %C@ %s\\n" | sort | sha256sum',
    'pidof dockerd',
  ]);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
