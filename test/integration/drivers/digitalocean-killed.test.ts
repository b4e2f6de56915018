import test from 'ava';
import { startDigitalOcean } from '../../support/loopback-cloud/digitalocean-cloud.ts';
import { nameOf } from '../../support/loopback-cloud/fault-server.ts';
import { killAtEveryRequest } from '../../support/loopback-cloud/kill-suite.ts';

test.serial('killed at every request that makes something and after it: rm leaves nothing', async (t) => {
  t.timeout(900_000);
  const cloud = await startDigitalOcean();
  try {
    const asked = await killAtEveryRequest(t, {
      server: cloud,
      rests: async () => cloud.rests(),
      instances: 'droplets',
      args: [
        ...['-d', 'digitalocean', '--digitalocean-endpoint', cloud.url],
        ...['--digitalocean-open-to', '198.18.0.0/15'],
      ],
      env: { DIGITALOCEAN_ACCESS_TOKEN: 'test' },
      makes: ({ method }) => method === 'POST',
      nameOf,
    });
    t.true(asked.includes('POST /v2/droplets'));
    t.true(asked.includes('POST /v2/account/keys'), asked.join());
    t.deepEqual(cloud.findings, []);
  } finally {
    await cloud.close();
  }
});
