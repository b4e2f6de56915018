import type { CloudMachine } from '../../fakes/cloud-machine.ts';
import { makeAzureMachine, type AzureMachineOptions } from '../../fakes/azure-machine.ts';
import { azureFault, startAzureCloud, type AzureCloud } from '../../support/loopback-cloud/azure-cloud.ts';
import type { CloudRequest } from '../../support/loopback-cloud/fault-server.ts';
import {
  createIn as create,
  declareFaults,
  sceneDeclarer,
  type CloudScene,
} from '../../support/loopback-cloud/fault-suite.ts';

// What goes wrong between here and Azure. The stand-in itself says in the end that nothing is left.

interface Scene extends CloudScene {
  readonly cloud: AzureCloud;
  readonly make: (options?: Partial<AzureMachineOptions>) => CloudMachine;
}

const declare = sceneDeclarer<Scene>(async (use) => {
  const cloud = await startAzureCloud();
  try {
    await use({
      cloud,
      server: cloud,
      make: (options = {}) => makeAzureMachine({ url: cloud.url, ...options }),
      rests: async () => cloud.rests(),
    });
  } finally {
    await cloud.close();
  }
});

function isMachine({ path }: CloudRequest): boolean {
  return /\/virtualMachines\/[^/]+$/.test(path);
}

declareFaults<CloudRequest, Scene>(declare, {
  isCreate: (request) => request.method === 'PUT' && isMachine(request),
  isRemoval: (request) => request.method === 'DELETE' && isMachine(request),
  error: azureFault,
  busy: [() => azureFault(429, { 'retry-after': '11' }), () => azureFault(503)],
  instances: 'virtualMachines',
  callsMin: 20,
});

declare('the request that makes a machine has everything in it', async (t, { make, cloud }) => {
  const machine = make({ values: { 'azure-tags': 'team,blue' } });
  await create(machine);
  t.log(JSON.stringify(cloud.sent('/virtualMachines/dev')).slice(0, 300));
  t.is(machine.record()['IPAddress'], '198.18.7.6');
  await machine.cleanup();
});
