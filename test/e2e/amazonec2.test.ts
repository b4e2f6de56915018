import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { busyboxTar } from '../support/busybox.ts';
import { makeStore, run } from '../support/cli.ts';
import { findDebianClient, readEnv, tryClient } from '../support/docker-client.ts';
import { linuxHostMissing } from '../support/linux-host.ts';
import { bootInstances } from '../support/loopback-cloud/ec2-hosts.ts';
import { startEc2Proxy } from '../support/loopback-cloud/ec2-proxy.ts';
import { nothing, restsOf } from '../support/loopback-cloud/ec2-rests.ts';
import { motoMissing, startMoto } from '../support/loopback-cloud/moto.ts';

// A machine of EC2 from create to rm: moto keeps the account, its instance is a Debian in a container.

const client = findDebianClient();
const missing =
  motoMissing() ?? linuxHostMissing() ?? (client === undefined ? 'needs a docker client' : undefined);
const secret = 'c2VjcmV0LW9mLXRoZS10ZXN0';

test.serial(
  'an instance becomes a machine, is used, stopped, started and removed, and nothing is left',
  async (t) => {
    t.timeout(900_000);
    if (missing !== undefined || client === undefined) {
      t.log(`skipped: ${missing ?? ''}`);
      t.pass();
      return;
    }
    const moto = await startMoto();
    const proxy = await startEc2Proxy(moto.url);
    const hosts = bootInstances(proxy);
    const store = await makeStore();
    // As an autoscaler calls it: credentials on the command line of create, and on no other.
    const noAws = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_EC2_METADATA_DISABLED: 'true' };
    const tsmachine = async (...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await store.tsmachine(args, { env: noAws, timeoutMs: 600_000 });
      t.is(code, 0, `${args.join(' ')}\n${stdout}\n${stderr}`);
      t.false(`${stdout}${stderr}`.includes(secret), args.join(' '));
      return stdout;
    };
    try {
      await tsmachine(
        ...[
          '--debug',
          'create',
          '-d',
          'amazonec2',
          '--amazonec2-access-key',
          'test',
          '--amazonec2-secret-key',
          secret,
        ],
        ...['--amazonec2-endpoint', proxy.endpoint, '--amazonec2-insecure-transport'],
        ...['--amazonec2-open-to', '198.18.0.0/15', '--amazonec2-ssh-user', 'root', 'build-1'],
      );
      const [[id = '', host] = []] = hosts.running;
      const directory = path.join(store.path, 'machines', 'build-1');
      const record = await readFile(path.join(directory, 'config.json'), 'utf8');
      t.true(record.includes(id));
      t.false(record.includes(secret));
      t.is((await stat(path.join(directory, 'secrets.json'))).mode & 0o777, 0o600);

      const env = await readEnv(store, 'build-1');
      t.is(env['DOCKER_HOST'], `tcp://${host?.address ?? ''}:2376`);
      const docker = async (args: readonly string[], input?: Uint8Array): Promise<void> => {
        const { code, stderr } = await run(client, args, { env, ...(input === undefined ? {} : { input }) });
        t.is(code, 0, stderr);
      };
      await docker(['import', '-', 'tiny'], await busyboxTar());
      await docker(['run', '-d', '--name', 'steady', 'tiny', '/bin/busybox', 'sleep', '100000']);
      await tryClient(t, { client, env, image: 'tiny', container: 'steady' });

      t.is(await tsmachine('ssh', 'build-1', 'hostname'), 'build-1\n');
      const asked = proxy.requests.length;
      t.is(await tsmachine('ip', 'build-1'), `${host?.address ?? ''}\n`);
      t.is(await tsmachine('url', 'build-1'), `tcp://${host?.address ?? ''}:2376\n`);
      t.is(proxy.requests.length, asked, 'ip and url cost no request');
      t.is(await tsmachine('status', 'build-1'), 'Running\n');
      await tsmachine('stop', 'build-1');
      t.is(await tsmachine('status', 'build-1'), 'Stopped\n');
      await tsmachine('start', 'build-1');
      t.is(await tsmachine('status', 'build-1'), 'Running\n');
      await tsmachine('rm', '-y', 'build-1');
      t.deepEqual(await restsOf(moto.url), nothing);
      t.is(hosts.running.size, 0);
    } finally {
      await store.dispose();
      await hosts.stop();
      await proxy.close();
      await moto.stop();
    }
  },
);
