import test from 'ava';
import { startHetznerCloud } from '../../support/loopback-cloud/hetzner-cloud.ts';
import { killAtEveryRequest } from '../../support/loopback-cloud/kill-suite.ts';

test.serial('killed at every request that makes something and after it: rm leaves nothing', async (t) => {
  t.timeout(900_000);
  const cloud = await startHetznerCloud();
  try {
    const asked = await killAtEveryRequest(t, {
      server: cloud,
      rests: cloud.rests,
      instances: 'servers',
      args: ['-d', 'hetzner', '--hetzner-endpoint', cloud.baseUrl, '--hetzner-open-to', '198.18.0.0/15'],
      env: { HETZNER_API_TOKEN: 'test' },
      // Those before it only look: check, choice, and whether there is the key.
      makes: ({ method }) => method === 'POST',
      nameOf: ({ method, path }) => `${method} ${path.replaceAll(/\d+$/g, 'ID')}`,
    });
    t.true(asked.includes('POST /v1/ssh_keys'));
    t.true(asked.includes('POST /v1/firewalls'));
    t.true(asked.includes('POST /v1/servers'));
    t.deepEqual(cloud.problems, []);
  } finally {
    await cloud.close();
  }
});
