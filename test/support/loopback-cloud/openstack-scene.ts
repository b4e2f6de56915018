import type { CloudMachine } from '../../fakes/cloud-machine.ts';
import { makeOpenStackMachine, type OpenStackMachineOptions } from '../../fakes/openstack-machine.ts';
import { sceneDeclarer, type CloudScene } from './fault-suite.ts';
import { startOpenStackCloud, type OpenStackCloud } from './openstack-cloud.ts';

/** An OpenStack with nothing in it; what is wrong with a request is told as a rest. */
export interface OpenStackScene extends CloudScene {
  readonly cloud: OpenStackCloud;
  readonly make: (options?: Partial<OpenStackMachineOptions>) => CloudMachine;
}

/** Machines have a floating IP and a volume, unless a test says something else. */
const withEverything = { 'openstack-floatingip-pool': 'public', 'openstack-volume-size': 2 };

export const declareOpenStack = sceneDeclarer<OpenStackScene>(async (use) => {
  const cloud = await startOpenStackCloud();
  try {
    await use({
      cloud,
      server: cloud.server,
      make: ({ values, ...options } = {}) =>
        makeOpenStackMachine({
          authUrl: cloud.authUrl,
          values: { ...withEverything, ...values },
          ...options,
        }),
      rests: async () => ({ ...(await cloud.rests()), findings: cloud.findings }),
    });
  } finally {
    await cloud.close();
  }
});
