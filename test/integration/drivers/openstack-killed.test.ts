import test from 'ava';
import { nameOf } from '../../support/loopback-cloud/fault-server.ts';
import { killAtEveryRequest } from '../../support/loopback-cloud/kill-suite.ts';
import { startOpenStackCloud } from '../../support/loopback-cloud/openstack-cloud.ts';

test.serial('killed at every request that makes something and after it: rm leaves nothing', async (t) => {
  t.timeout(900_000);
  const cloud = await startOpenStackCloud();
  Object.assign(cloud.state.settings, { buildLooks: 0, changeLooks: 0 });
  try {
    const asked = await killAtEveryRequest(t, {
      server: cloud.server,
      rests: async () => cloud.rests(),
      instances: 'servers',
      args: [
        ...['-d', 'openstack', '--openstack-auth-url', cloud.authUrl, '--openstack-username', 'ann'],
        ...['--openstack-tenant-name', 'demo', '--openstack-region', 'RegionOne'],
        ...['--openstack-flavor-name', 'm1.small', '--openstack-image-name', 'ubuntu-24.04'],
        ...['--openstack-net-name', 'private', '--openstack-floatingip-pool', 'public'],
        ...['--openstack-volume-size', '2', '--openstack-open-to', '198.18.0.0/15'],
      ],
      env: { OS_PASSWORD: 'pass-hush' },
      makes: ({ method, path }) => method === 'POST' && !path.startsWith('/identity/'),
      nameOf,
    });
    t.true(asked.includes('POST /compute/v2.1/servers'));
    t.true(asked.includes('POST /network/v2.0/floatingips'));
    t.deepEqual(cloud.findings, []);
  } finally {
    await cloud.close();
  }
});
