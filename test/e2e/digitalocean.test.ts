import { startDigitalOcean } from '../support/loopback-cloud/digitalocean-cloud.ts';
import { bootDroplets } from '../support/loopback-cloud/digitalocean-hosts.ts';
import { declareLifeOfAMachine } from '../support/loopback-cloud/life-of-a-machine.ts';

// A machine of DigitalOcean from create to rm: the stand-in keeps the account, its droplet is a Debian in a container.

const secret = 'dop_v1_c2VjcmV0LW9mLXRoZS10ZXN0';

declareLifeOfAMachine({
  title: 'a droplet becomes a machine, is used, stopped, started and removed, and nothing is left',
  secret,
  open: async () => {
    const cloud = await startDigitalOcean();
    cloud.accounts.set(secret, cloud.account);
    return {
      server: cloud,
      hosts: bootDroplets(cloud),
      args: [
        ...['-d', 'digitalocean', '--digitalocean-access-token', secret],
        ...['--digitalocean-endpoint', cloud.url, '--digitalocean-open-to', '198.18.0.0/15'],
      ],
      // Nothing of the environment, and nothing that doctl may have on this computer.
      env: { DIGITALOCEAN_ACCESS_TOKEN: '', DIGITALOCEAN_TOKEN: '', XDG_CONFIG_HOME: '/nonexistent' },
      rests: async () => ({ ...cloud.rests(), findings: cloud.findings }),
      isLostOnce: true,
      close: async () => cloud.close(),
    };
  },
});
