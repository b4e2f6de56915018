import { makeAzureMachine, type AzureMachineOptions } from '../../fakes/azure-machine.ts';
import type { CloudMachine } from '../../fakes/cloud-machine.ts';
import { startAzureCloud, type AzureCloud } from './azure-cloud.ts';
import { sceneDeclarer, type CloudScene } from './fault-suite.ts';

/** An account of Azure in which nothing is. */
export interface AzureScene extends CloudScene {
  readonly cloud: AzureCloud;
  readonly make: (options?: Partial<AzureMachineOptions>) => CloudMachine;
}

/** Declares a test with an account of its own, in which in the end nothing is left. */
export const declareAzureScene = sceneDeclarer<AzureScene>(async (use) => {
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
