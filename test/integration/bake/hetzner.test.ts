import {
  hetznerValues,
  makeHetznerMachine,
  type HetznerMachineOptions,
} from '../../fakes/hetzner-machine.ts';
import type { CloudMachine } from '../../fakes/cloud-machine.ts';
import { declareBakeFlow } from '../../support/loopback-cloud/bake-flow-suite.ts';
import { declareBake } from '../../support/loopback-cloud/bake-suite.ts';
import type { CloudRequest } from '../../support/loopback-cloud/fault-server.ts';
import { sceneDeclarer, type CloudScene } from '../../support/loopback-cloud/fault-suite.ts';
import {
  isServerCreate,
  startHetznerCloud,
  type HetznerCloud,
} from '../../support/loopback-cloud/hetzner-cloud.ts';
import { hetznerError } from '../../support/loopback-cloud/hetzner-things.ts';

// Images of servers of Hetzner, at the stand-in.

interface Scene extends CloudScene {
  readonly cloud: HetznerCloud;
  readonly make: (options?: Partial<HetznerMachineOptions>) => CloudMachine;
}

const declare = sceneDeclarer<Scene>(async (use) => {
  const cloud = await startHetznerCloud();
  try {
    await use({
      cloud,
      server: cloud,
      make: (options = {}) => makeHetznerMachine({ endpoint: cloud.baseUrl, ...options }),
      rests: async () => {
        if (cloud.problems.length > 0) {
          throw new Error(cloud.problems.join('\n'));
        }
        return cloud.rests();
      },
    });
  } finally {
    await cloud.close();
  }
});

declareBake<CloudRequest, Scene>(declare, {
  error: (status) => hetznerError(status, 'service_error'),
  images: 'images',
  slow: ({ cloud }, answers) => {
    cloud.project.creatingAnswers = answers;
  },
});

declareBakeFlow<CloudRequest, Scene>(declare, {
  driverName: 'hetzner',
  values: ({ cloud }) => hetznerValues(cloud.baseUrl),
  env: { HETZNER_API_TOKEN: 'test' },
  flag: 'hetzner-image',
  isMake: ({ path }) => path.endsWith('/create_image'),
  imageOf: (requests) => {
    const request = requests.findLast(isServerCreate);
    return request === undefined ? undefined : (JSON.parse(request.body) as { readonly image: string }).image;
  },
  images: 'images',
});
