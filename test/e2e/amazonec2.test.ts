import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { makeStore } from '../support/cli.ts';
import { linuxHostMissing } from '../support/linux-host.ts';
import { ec2Env } from '../support/loopback-cloud/ec2-records.ts';
import { bootInstances } from '../support/loopback-cloud/ec2-hosts.ts';
import { startEc2Proxy } from '../support/loopback-cloud/ec2-proxy.ts';
import { restsOf } from '../support/loopback-cloud/ec2-rests.ts';
import { declareLifeOfAMachine } from '../support/loopback-cloud/life-of-a-machine.ts';
import { motoMissing, startMoto } from '../support/loopback-cloud/moto.ts';

// A machine of EC2 from create to rm: moto keeps the account, its instance is a Debian in a container.

const secret = 'c2VjcmV0LW9mLXRoZS10ZXN0';

declareLifeOfAMachine({
  title: 'an instance becomes a machine, is used, stopped, started and removed, and nothing is left',
  missing: motoMissing(),
  secret,
  open: async () => {
    const moto = await startMoto();
    const proxy = await startEc2Proxy(moto.url);
    const hosts = bootInstances(proxy);
    return {
      server: proxy,
      hosts,
      args: [
        ...['-d', 'amazonec2', '--amazonec2-access-key', 'test', '--amazonec2-secret-key', secret],
        ...['--amazonec2-endpoint', proxy.endpoint, '--amazonec2-insecure-transport'],
        ...['--amazonec2-open-to', '198.18.0.0/15', '--amazonec2-ssh-user', 'root'],
      ],
      env: { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_EC2_METADATA_DISABLED: 'true' },
      rests: async () => ({ ...(await restsOf(moto.url)) }),
      isCreateKilled: true,
      whileStopped: async (id) => hosts.running.get(id)?.move(),
      close: async () => {
        await proxy.close();
        await moto.stop();
      },
    };
  },
});

test.serial('image bake: the host of which the image is made has no key of ours any more', async (t) => {
  t.timeout(900_000);
  const lacking = motoMissing() ?? linuxHostMissing();
  if (lacking !== undefined) {
    t.log(`skipped: ${lacking}`);
    t.pass();
    return;
  }
  const moto = await startMoto();
  const proxy = await startEc2Proxy(moto.url);
  const hosts = bootInstances(proxy);
  const store = await makeStore();
  const tsmachine = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await store.tsmachine(words, { env: ec2Env, timeoutMs: 600_000 });
    t.is(code, 0, `${words.join(' ')}\n${stdout}\n${stderr}`);
    return stdout;
  };
  try {
    const seen: { left?: readonly string[]; hasEngine?: boolean; machineId?: string } = {};
    proxy.onDone = ({ action }) => {
      const root = [...hosts.running.values()][0]?.root;
      if (action === 'CreateImage' && root !== undefined) {
        const there = (name: string): boolean => existsSync(path.join(root, name));
        const secret = ['server-key.pem', 'server.pem', 'ca.pem', 'daemon.json'].map(
          (name) => `etc/docker/${name}`,
        );
        const ssh = readdirSync(path.join(root, 'etc/ssh')).filter((name) => name.startsWith('ssh_host_'));
        seen.left = [...secret, 'root/.ssh', 'var/lib/docker/engine-id'].filter(there).concat(ssh);
        seen.hasEngine = there('usr/sbin/dockerd') || there('usr/bin/dockerd');
        seen.machineId = readFileSync(path.join(root, 'etc/machine-id'), 'utf8');
      }
    };
    await tsmachine(
      ...['image', 'bake', '-d', 'amazonec2', '--amazonec2-endpoint', proxy.endpoint],
      ...['--amazonec2-insecure-transport', '--amazonec2-open-to', '198.18.0.0/15'],
      ...['--amazonec2-ssh-user', 'root', 'ci-1'],
    );
    t.deepEqual(seen, { left: [], hasEngine: true, machineId: '' });
    t.is(hosts.running.size, 0);
    const [image] = JSON.parse(await tsmachine('image', 'baked', '--json')) as Record<string, string>[];
    t.regex(image?.['system'] ?? '', /Debian/);
    t.regex(image?.['engineVersion'] ?? '', /^\d+\./);
    await tsmachine('image', 'rm', '-y', 'ci-1');
    const rests = await restsOf(moto.url);
    t.deepEqual(Object.values(rests).flat(), []);
  } finally {
    await store.dispose();
    await hosts.stop();
    await proxy.close();
    await moto.stop();
  }
});
