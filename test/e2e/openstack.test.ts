import { createCloudHosts } from '../support/loopback-cloud/cloud-hosts.ts';
import { declareLifeOfAMachine } from '../support/loopback-cloud/life-of-a-machine.ts';
import { startOpenStackCloud } from '../support/loopback-cloud/openstack-cloud.ts';
import { user } from '../support/loopback-cloud/openstack-identity.ts';

// A machine of OpenStack from create to rm. Every request is checked by schemas of the services.

declareLifeOfAMachine({
  title: 'a server becomes a machine, is used, stopped, started and removed, and nothing is left',
  secret: user.password,
  open: async () => {
    const cloud = await startOpenStackCloud();
    const hosts = createCloudHosts();
    Object.assign(cloud.state.settings, {
      onLaunch: async ({ id, userData }: { id: string; userData: string }, publicKey: string) =>
        hosts.boot(id, { userKey: publicKey, userData }),
      onGone: async ({ id }: { id: string }) => hosts.end(id),
    });
    return {
      server: cloud.server,
      hosts,
      args: [
        ...['-d', 'openstack', '--openstack-auth-url', cloud.authUrl, '--openstack-username', user.name],
        ...['--openstack-password', user.password, '--openstack-tenant-name', 'demo'],
        ...['--openstack-region', 'RegionOne', '--openstack-flavor-name', 'm1.small'],
        ...['--openstack-image-name', 'ubuntu-24.04', '--openstack-net-name', 'private'],
        ...['--openstack-volume-size', '2', '--openstack-open-to', '198.18.0.0/15'],
      ],
      env: { OS_PASSWORD: '', OS_CLOUD: '' },
      rests: async () => ({ ...(await cloud.rests()), findings: cloud.findings }),
      close: async () => cloud.close(),
    };
  },
});
