import test from 'ava';
import {
  azureSecret,
  azureSubscription,
  azureTenant,
  startAzureCloud,
} from '../../support/loopback-cloud/azure-cloud.ts';
import { killAtEveryRequest } from '../../support/loopback-cloud/kill-suite.ts';

test.serial('killed at every request that makes something and after it: rm leaves nothing', async (t) => {
  t.timeout(900_000);
  const cloud = await startAzureCloud();
  try {
    const asked = await killAtEveryRequest(t, {
      server: cloud,
      rests: async () => cloud.rests(),
      instances: 'virtualMachines',
      args: [
        ...['-d', 'azure', '--azure-endpoint', cloud.url, '--azure-login-endpoint', cloud.url],
        ...['--azure-subscription-id', azureSubscription, '--azure-tenant-id', azureTenant],
        ...['--azure-open-to', '198.18.0.0/15', '--azure-client-id', 'test'],
      ],
      env: { AZURE_CLIENT_SECRET: azureSecret },
      makes: ({ method }) => method === 'PUT',
      nameOf: ({ method, path }) => `${method} ${path.split('/').slice(-2).join('/')}`,
    });
    t.true(asked.includes('PUT virtualMachines/victim'));
  } finally {
    await cloud.close();
  }
});
