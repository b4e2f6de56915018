import {
  azureSecret,
  azureSubscription,
  azureTenant,
  startAzureCloud,
} from '../support/loopback-cloud/azure-cloud.ts';
import { createCloudHosts } from '../support/loopback-cloud/cloud-hosts.ts';
import { declareLifeOfAMachine } from '../support/loopback-cloud/life-of-a-machine.ts';

// A machine of Azure from create to rm: a stand-in keeps the subscription, its virtual machine is a Debian in a container.

declareLifeOfAMachine({
  title: 'a virtual machine of Azure is made, used, stopped, started and removed, and nothing is left',
  secret: azureSecret,
  open: async () => {
    const cloud = await startAzureCloud();
    const hosts = createCloudHosts();
    cloud.onLaunch = async (id, launch) => hosts.boot(id, launch);
    cloud.onTerminate = async (id) => hosts.end(id);
    return {
      server: cloud,
      hosts,
      args: [
        ...['-d', 'azure', '--azure-endpoint', cloud.url, '--azure-login-endpoint', cloud.url],
        ...['--azure-subscription-id', azureSubscription, '--azure-tenant-id', azureTenant],
        ...['--azure-client-id', 'test', '--azure-client-secret', azureSecret],
        ...['--azure-open-to', '198.18.0.0/15', '--azure-ssh-user', 'root'],
      ],
      env: { AZURE_CLIENT_ID: '', AZURE_CLIENT_SECRET: '', AZURE_TENANT_ID: '' },
      rests: async () => cloud.rests(),
      // Everything is found by the machine's name.
      idOf: (id) => id.slice(id.lastIndexOf('/') + 1),
      close: async () => cloud.close(),
    };
  },
});
