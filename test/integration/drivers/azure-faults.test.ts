import { azureFault } from '../../support/loopback-cloud/azure-cloud.ts';
import { declareAzureScene, type AzureScene } from '../../support/loopback-cloud/azure-scene.ts';
import type { CloudRequest } from '../../support/loopback-cloud/fault-server.ts';
import { declareFaults } from '../../support/loopback-cloud/fault-suite.ts';

// What goes wrong between here and any cloud. The stand-in for Azure itself says in the end that nothing is left.

function isMachine({ path }: CloudRequest): boolean {
  return /\/virtualMachines\/[^/]+$/.test(path);
}

declareFaults<CloudRequest, AzureScene>(declareAzureScene, {
  isCreate: (request) => request.method === 'PUT' && isMachine(request),
  isRemoval: (request) => request.method === 'DELETE' && isMachine(request),
  error: azureFault,
  busy: [() => azureFault(429, { 'retry-after': '11' }), () => azureFault(503)],
  instances: 'virtualMachines',
  callsMin: 20,
});
