import test from 'ava';
import { digitalOceanValues } from '../../fakes/digitalocean-machine.ts';
import { killBakeAtEveryRequest } from '../../support/loopback-cloud/bake-kill-suite.ts';
import { startDigitalOcean } from '../../support/loopback-cloud/digitalocean-cloud.ts';
import { nameOf } from '../../support/loopback-cloud/fault-server.ts';

test.serial('image bake killed at every request: nothing is left but whole images', async (t) => {
  t.timeout(900_000);
  const cloud = await startDigitalOcean();
  Object.assign(cloud, { actionAnswers: 0, snapshotAnswers: 0, pendingAnswers: 0 });
  try {
    const asked = await killBakeAtEveryRequest(t, {
      server: cloud,
      rests: async () => cloud.rests(),
      driverName: 'digitalocean',
      values: digitalOceanValues(cloud.url),
      env: { DIGITALOCEAN_ACCESS_TOKEN: 'test' },
      images: 'images',
      isFirst: ({ method, body }) => method === 'POST' && body.includes('"shutdown"'),
      lastName: 'DELETE /v2/droplets/ID',
      nameOf: (request) => nameOf(request).replaceAll(/\/\d+/g, '/ID'),
    });
    t.true(asked.includes('POST /v2/droplets/ID/actions') && asked.includes('PUT /v2/images/ID'));
    t.deepEqual(cloud.findings, []);
  } finally {
    await cloud.close();
  }
});
