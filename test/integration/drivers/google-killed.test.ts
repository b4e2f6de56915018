import test from 'ava';
import { nameOf } from '../../support/loopback-cloud/fault-server.ts';
import { startGoogleCloud } from '../../support/loopback-cloud/google-cloud.ts';
import { killAtEveryRequest } from '../../support/loopback-cloud/kill-suite.ts';

test.serial('killed at every request that makes something and after it: rm leaves nothing', async (t) => {
  t.timeout(900_000);
  const cloud = await startGoogleCloud();
  // Here waiting takes time.
  cloud.account.operationRequests = 1;
  try {
    const asked = await killAtEveryRequest(t, {
      server: cloud.server,
      rests: async () => cloud.rests(),
      instances: 'instances',
      args: [
        ...['-d', 'google', '--google-endpoint', cloud.server.url, '--google-project', 'hotel-1'],
        ...['--google-open-to', '198.18.0.0/15'],
      ],
      env: { GOOGLE_AUTH_ENCODED_JSON: Buffer.from(cloud.key).toString('base64') },
      makes: ({ method, path }) => method === 'POST' && path.includes('/projects/'),
      nameOf,
    });
    t.true(asked.some((name) => name.startsWith('POST') && name.endsWith('/instances')));
    t.true(asked.some((name) => name.startsWith('POST') && name.endsWith('/firewalls')));
    t.deepEqual(cloud.problems, []);
  } finally {
    await cloud.close();
  }
});
