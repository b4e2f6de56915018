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
