import test from 'ava';
import { openStackValues } from '../../fakes/openstack-machine.ts';
import { killBakeAtEveryRequest } from '../../support/loopback-cloud/bake-kill-suite.ts';
import { startOpenStackCloud } from '../../support/loopback-cloud/openstack-cloud.ts';

const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

// From a root disk on a volume: then there is most to lose.
test.serial('image bake killed at every request: nothing is left but whole images', async (t) => {
  t.timeout(900_000);
  const cloud = await startOpenStackCloud();
  Object.assign(cloud.state.settings, { buildLooks: 0, changeLooks: 0, imageLooks: 0 });
  try {
    const asked = await killBakeAtEveryRequest(t, {
      server: cloud.server,
      rests: async () => cloud.rests(),
      driverName: 'openstack',
      values: { ...openStackValues(cloud.authUrl), 'openstack-boot-from-volume': true },
      env: { OS_PASSWORD: 'pass-hush' },
      images: 'images',
      isFirst: ({ method, path }) => method === 'POST' && /\/volumes\/.*\/metadata$/.test(path),
      lastName: 'DELETE /compute/v2.1/servers/ID',
      nameOf: ({ method, path, body }) =>
        `${method} ${path.replace(uuid, 'ID')}${body.startsWith('{"createImage"') ? ' createImage' : ''}`,
    });
    t.true(asked.includes('POST /compute/v2.1/servers/ID/action createImage'));
    t.true(asked.includes('PATCH /image/v2/images/ID'));
    t.deepEqual(cloud.findings, []);
  } finally {
    await cloud.close();
  }
});
