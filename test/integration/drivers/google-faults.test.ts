import type { CloudMachine } from '../../fakes/cloud-machine.ts';
import { makeGoogleMachine, type GoogleMachineOptions } from '../../fakes/google-machine.ts';
import type { Fault } from '../../support/loopback-cloud/fault-server.ts';
import { declareFaults, sceneDeclarer, type CloudScene } from '../../support/loopback-cloud/fault-suite.ts';
import { googleError } from '../../support/loopback-cloud/google-account.ts';
import { startGoogleCloud, type GoogleCloud } from '../../support/loopback-cloud/google-cloud.ts';

// What goes wrong between here and Google. The stand-in itself says in the end that nothing is left.

interface Scene extends CloudScene {
  readonly cloud: GoogleCloud;
  readonly make: (options?: Partial<GoogleMachineOptions>) => CloudMachine;
}

const declare = sceneDeclarer<Scene>(async (use) => {
  const cloud = await startGoogleCloud();
  try {
    await use({
      cloud,
      server: cloud.server,
      make: (options = {}) => makeGoogleMachine({ endpoint: cloud.server.url, key: cloud.key, ...options }),
      rests: async () => ({ ...(await cloud.rests()), problems: [...new Set(cloud.problems)] }),
    });
  } finally {
    await cloud.close();
  }
});

const fault = (status: number, reason: string, headers: Readonly<Record<string, string>> = {}): Fault => ({
  kind: 'answer',
  ...googleError(status, reason, { headers }),
});

declareFaults<Scene['server']['requests'][number], Scene>(declare, {
  isCreate: ({ method, path }) => method === 'POST' && path.endsWith('/instances'),
  isRemoval: ({ method, path }) => method === 'DELETE' && path.includes('/instances/'),
  error: (status, headers) => fault(status, status === 401 ? 'authError' : 'backendError', headers),
  busy: [() => fault(403, 'rateLimitExceeded', { 'retry-after': '11' }), () => fault(503, 'backendError')],
  instances: 'instances',
  callsMin: 10,
});
