import test from 'ava';
import { azureValues } from '../../fakes/azure-machine.ts';
import { azureSecret, startAzureCloud } from '../../support/loopback-cloud/azure-cloud.ts';
import { killBakeAtEveryRequest } from '../../support/loopback-cloud/bake-kill-suite.ts';

test.serial('image bake killed at every request: nothing is left but whole images', async (t) => {
  t.timeout(900_000);
  const cloud = await startAzureCloud();
  try {
    const asked = await killBakeAtEveryRequest(t, {
      server: cloud,
      rests: async () => cloud.rests(),
      driverName: 'azure',
      values: azureValues(cloud.url),
      env: { AZURE_CLIENT_SECRET: azureSecret },
      images: 'images',
      isFirst: ({ method, path }) => method === 'PUT' && /\/images\/[^/]+$/.test(path),
      lastName: 'DELETE virtualMachines',
      nameOf: ({ method, path }) => `${method} ${path.split('/').at(-2) ?? ''}`,
    });
    t.true(asked.includes('PUT images'));
  } finally {
    await cloud.close();
  }
});
