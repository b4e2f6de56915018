import type { CloudMachine } from '../../fakes/cloud-machine.ts';
import { makeOpenStackMachine, type OpenStackMachineOptions } from '../../fakes/openstack-machine.ts';
import { declareFaults, sceneDeclarer, type CloudScene } from '../../support/loopback-cloud/fault-suite.ts';
import {
  openStackError,
  startOpenStackCloud,
  type OpenStackCloud,
} from '../../support/loopback-cloud/openstack-cloud.ts';

// What goes wrong between here and OpenStack. Every request is also checked by the schemas of the services.

interface Scene extends CloudScene {
  readonly cloud: OpenStackCloud;
  readonly make: (options?: Partial<OpenStackMachineOptions>) => CloudMachine;
}

const withEverything = { 'openstack-floatingip-pool': 'public', 'openstack-volume-size': 2 };

const declare = sceneDeclarer<Scene>(async (use) => {
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

declareFaults<Scene['server']['requests'][number], Scene>(declare, {
  isCreate: ({ method, path }) => method === 'POST' && path === '/compute/v2.1/servers',
  isRemoval: ({ method, path }) => method === 'DELETE' && path.startsWith('/compute/v2.1/servers/'),
  error: openStackError,
  busy: [
    () => openStackError(429, { 'retry-after': '11' }),
    () => openStackError(413, { 'retry-after': '11' }),
  ],
  instances: 'servers',
  callsMin: 20,
});
