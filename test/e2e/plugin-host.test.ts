import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { busyboxTar } from '../support/busybox.ts';
import { makeStore, run, type Outcome } from '../support/cli.ts';
import { findDebianClient, readEnv } from '../support/docker-client.ts';
import { buildGoProgram } from '../support/go-programs.ts';
import { linuxHostMissing, startLinuxHost } from '../support/linux-host.ts';

// A plugin of docker-machine makes a host, and the engine is set up on it: from `create` to a container.

const busybox = '/bin/busybox';

test('docker-machine-driver-… makes a host, and containers run on it', async (t) => {
  t.timeout(600_000);
  const client = findDebianClient();
  const missing = linuxHostMissing() ?? (client === undefined ? 'needs a docker client' : undefined);
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const plugin = buildGoProgram(t, 'goplugin');
  if (plugin === undefined) {
    return;
  }
  const host = await startLinuxHost('bookworm');
  const store = await makeStore();
  const bin = await mkdtemp(path.join(tmpdir(), 'tsm-plugin-'));
  t.teardown(async () => {
    await store.tsmachine(['rm', '-f', '-y', 'm'], { env });
    await store.dispose();
    await host.stop();
    await rm(bin, { recursive: true, force: true });
  });
  await mkdir(bin, { recursive: true });
  await copyFile(plugin, path.join(bin, 'docker-machine-driver-cellar'));
  const env = {
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    GOPLUGIN_MODE: 'host',
    GOPLUGIN_HOST: host.address,
    GOPLUGIN_KEY: host.keyPath,
  };
  const tsmachine = async (...args: readonly string[]): Promise<Outcome> => {
    const outcome = await store.tsmachine(args, { env, timeoutMs: 500_000 });
    t.is(outcome.code, 0, outcome.stderr);
    return outcome;
  };

  const proxy = ['--engine-env', `HTTP_PROXY=${host.proxyUrl}`];
  const created = await tsmachine(
    'create',
    '-d',
    'cellar',
    ...proxy,
    '--engine-label',
    'made=by-plugin',
    'm',
  );
  t.regex(created.stderr, /\(m\) making it/);
  t.regex(created.stderr, /Provisioning with debian\.\.\.[\s\S]*Docker is up and running!/);
  t.is((await tsmachine('url', 'm')).stdout, `tcp://${host.address}:2376\n`);

  const docker = dockerOf(t, client ?? '', await machineEnv(tsmachine));
  await docker(['import', '-', 'tiny'], await busyboxTar());
  t.is(await docker(['run', '--rm', 'tiny', busybox, 'echo', 'hello']), 'hello\n');
  const labels = JSON.parse(await docker(['info', '--format', '{{json .Labels}}'])) as string[];
  t.deepEqual(labels.sort(), ['made=by-plugin', 'provider=cellar'], 'the engine has no order for them');

  t.regex((await tsmachine('provision', 'm')).stderr, /nothing was written, nothing was restarted/);
  t.is((await tsmachine('ssh', 'm', 'hostname')).stdout, 'm\n');
  const record = await readFile(path.join(store.path, 'machines', 'm', 'config.json'), 'utf8');
  t.regex(record, /"SSHKeyPath": ".*\/machines\/m\/id_rsa"/);
  await tsmachine('rm', '-y', 'm');
  t.is((await tsmachine('ls', '-q')).stdout, '');
});

async function machineEnv(
  tsmachine: (...args: readonly string[]) => Promise<Outcome>,
): Promise<Record<string, string>> {
  return readEnv(
    { path: '', dispose: async () => undefined, tsmachine: async (args) => tsmachine(...args) },
    'm',
  );
}

function dockerOf(t: ExecutionContext, client: string, env: Readonly<Record<string, string>>) {
  return async (args: readonly string[], input?: Uint8Array): Promise<string> => {
    const { code, stdout, stderr } = await run(client, args, {
      env,
      ...(input === undefined ? {} : { input }),
    });
    t.is(code, 0, `${args.join(' ')}\n${stderr}`);
    return stdout;
  };
}
