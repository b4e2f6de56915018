import { createCloudHosts } from '../support/loopback-cloud/cloud-hosts.ts';
import { startHetznerCloud } from '../support/loopback-cloud/hetzner-cloud.ts';
import { declareLifeOfAMachine } from '../support/loopback-cloud/life-of-a-machine.ts';

// A machine of Hetzner from create to rm: a stand-in keeps the project, its server is a Debian in a container. A server keeps
// its address.

const token = 'dG9rZW4tb2YtdGhlLXRlc3Q';

declareLifeOfAMachine({
  title: 'a server becomes a machine, is used, stopped, started and removed, and nothing is left',
  secret: token,
  open: async () => {
    const cloud = await startHetznerCloud({ token });
    const hosts = createCloudHosts();
    cloud.project.onLaunch = async ({ id, userData }, userKey) =>
      hosts.boot(String(id), { userKey, userData });
    cloud.project.onEnd = async ({ id }) => hosts.end(String(id));
    return {
      server: cloud,
      hosts,
      args: [
        ...['-d', 'hetzner', '--hetzner-api-token', token, '--hetzner-endpoint', cloud.baseUrl],
        ...['--hetzner-open-to', '198.18.0.0/15'],
      ],
      env: { HETZNER_API_TOKEN: '', HCLOUD_TOKEN: '', HCLOUD_CONFIG: '/dev/null' },
      rests: async () => {
        if (cloud.problems.length > 0) {
          throw new Error(cloud.problems.join('\n'));
        }
        return cloud.rests();
      },
      close: async () => cloud.close(),
    };
  },
});
