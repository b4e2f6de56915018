import test from 'ava';
import { googleValues } from '../../fakes/google-machine.ts';
import { killBakeAtEveryRequest } from '../../support/loopback-cloud/bake-kill-suite.ts';
import { startGoogleCloud } from '../../support/loopback-cloud/google-cloud.ts';

test.serial('image bake killed at every request: nothing is left but whole images', async (t) => {
  t.timeout(900_000);
  const cloud = await startGoogleCloud();
  cloud.account.operationRequests = 1;
  try {
    const asked = await killBakeAtEveryRequest(t, {
      server: cloud.server,
      rests: async () => cloud.rests(),
      driverName: 'google',
      values: googleValues(cloud.server.url),
      env: { GOOGLE_AUTH_ENCODED_JSON: cloud.key },
      images: 'images',
      isFirst: ({ method, path }) => method === 'POST' && path.endsWith('/global/images'),
      lastName: 'DELETE instances/bake-ci-1',
      nameOf: ({ method, path }) =>
        `${method} ${path
          .split('/')
          .slice(-2)
          .join('/')
          .replace(/operation-[^/]*/, 'OPERATION')}`,
    });
    t.true(asked.includes('POST global/images'));
    t.deepEqual(cloud.problems, []);
  } finally {
    await cloud.close();
  }
});
