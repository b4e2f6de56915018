import type { CloudMachine } from '../../fakes/cloud-machine.ts';
import {
  digitalOceanValues,
  makeDigitalOceanMachine,
  type DigitalOceanMachineOptions,
} from '../../fakes/digitalocean-machine.ts';
import { declareBakeFlow } from '../../support/loopback-cloud/bake-flow-suite.ts';
import { declareBake } from '../../support/loopback-cloud/bake-suite.ts';
import {
  digitalOceanError,
  startDigitalOcean,
  type DigitalOceanCloud,
} from '../../support/loopback-cloud/digitalocean-cloud.ts';
import type { CloudRequest } from '../../support/loopback-cloud/fault-server.ts';
import {
  createIn,
  sceneDeclarer,
  tryCreate,
  type CloudScene,
  type DeclareScene,
} from '../../support/loopback-cloud/fault-suite.ts';

// Images of droplets, at the stand-in of DigitalOcean.

interface Scene extends CloudScene {
  readonly cloud: DigitalOceanCloud;
  readonly make: (options?: Partial<DigitalOceanMachineOptions>) => CloudMachine;
}

/** @param answers how often it is said of an action that it is not done; undefined for the cloud's own. */
const scenes = (answers?: number): DeclareScene<Scene> =>
  sceneDeclarer<Scene>(async (use) => {
    const cloud = await startDigitalOcean();
    if (answers !== undefined) {
      Object.assign(cloud, { actionAnswers: answers, snapshotAnswers: answers, pendingAnswers: answers });
    }
    try {
      await use({
        cloud,
        server: cloud,
        make: (options = {}) => makeDigitalOceanMachine({ url: cloud.url, ...options }),
        rests: async () => {
          if (cloud.findings.length > 0) {
            throw new Error(cloud.findings.join('\n'));
          }
          return cloud.rests();
        },
      });
    } finally {
      await cloud.close();
    }
  });

const declare = scenes();

const order = { name: 'ci-1', system: 'Debian GNU/Linux 12 (bookworm)', engineVersion: '20.10' };

const isSnapshot = ({ method, body }: CloudRequest): boolean =>
  method === 'POST' && body.includes('"snapshot"');

declareBake<CloudRequest, Scene>(declare, {
  error: (status) => digitalOceanError(status, 'server_error'),
  images: 'images',
  slow: ({ cloud }, answers) => {
    cloud.snapshotAnswers = answers;
  },
});

declare('an image says whose it is from the beginning, and what is in it in the end', async (t, scene) => {
  const { cloud, make } = scene;
  const machine = make();
  await createIn(machine);
  await machine.driver.stop(machine.context);
  const images = await machine.driver.images?.();
  await images?.make(machine.context, order);
  const { machineId = '', storeId = '' } = (await machine.context.provider?.ownership()) ?? {};
  const name = `tsmachine-ci-1-${machineId}-${storeId}`;
  t.deepEqual(JSON.parse(cloud.requests.find(isSnapshot)?.body ?? ''), { type: 'snapshot', name });
  const [snapshot] = cloud.account.snapshots.values();
  t.is(snapshot?.thing['name'], `${name} Docker 20.10 on Debian GNU-Linux 12 (bookworm)`);
  const [image] = (await images?.list(machine.context, storeId)) ?? [];
  t.like(image, {
    place: 'nyc3',
    architecture: 'amd64',
    diskGiB: 25,
    createdMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  });
  // The user has given it another name: it is the user's now.
  Object.assign(snapshot?.thing ?? {}, { name: 'golden' });
  t.deepEqual(await images?.list(machine.context, storeId), []);
  t.false(
    ((await machine.driver.listOwned?.(machine.context, storeId)) ?? []).some(({ kind }) => kind === 'image'),
  );
  cloud.account.snapshots.clear();
  await machine.cleanup();
});

declare('a snapshot is asked for when the droplet takes an action, and fails with it', async (t, scene) => {
  const { cloud, make, server } = scene;
  const machine = make();
  await createIn(machine);
  await machine.driver.stop(machine.context);
  const images = await machine.driver.images?.();
  let refusals = 2;
  server.onRequest = (request) => {
    refusals -= isSnapshot(request) ? 1 : 0;
    return isSnapshot(request) && refusals >= 0
      ? digitalOceanError(422, 'unprocessable_entity', 'Droplet already has a pending event.')
      : undefined;
  };
  cloud.failing.add('snapshot');
  await t.throwsAsync(async () => images?.make(machine.context, order), {
    code: 'cloud-refused',
    message: /could not make the image/,
  });
  t.is(cloud.requests.filter(isSnapshot).length, 3);
  // Whoever tries again makes another one.
  cloud.failing.clear();
  await images?.make(machine.context, order);
  t.is(cloud.account.snapshots.size, 1);
  cloud.account.snapshots.clear();
  await machine.cleanup();
});

declare('an image that does not fit is refused before anything is made', async (t, { cloud, make }) => {
  const big = make({ name: 'big', values: { 'digitalocean-size': 's-2vcpu-4gb' } });
  await createIn(big);
  await big.driver.stop(big.context);
  await (await big.driver.images?.())?.make(big.context, order);
  await big.cleanup();
  const [id = 0] = cloud.account.snapshots.keys();
  const asked = cloud.requests.length;
  for (const [values, expected] of [
    [{}, /too large for droplets of the size s-1vcpu-1gb/],
    [{ 'digitalocean-size': 's-2vcpu-4gb', 'digitalocean-region': 'ams3' }, /is not in ams3/],
  ] as const) {
    const machine = make({ values: { ...values, 'digitalocean-image': String(id) } });
    t.regex(String(await tryCreate(t, machine)), expected);
    const findings = await machine.driver.check(machine.context);
    t.regex(findings.map(({ message }) => message).join(), expected);
  }
  t.false(cloud.requests.slice(asked).some(({ method }) => method === 'POST'));
  cloud.account.snapshots.clear();
});

// With a real clock: nothing is waited for that need not be.
declareBakeFlow<CloudRequest, Scene>(scenes(0), {
  driverName: 'digitalocean',
  values: ({ cloud }) => digitalOceanValues(cloud.url),
  env: { DIGITALOCEAN_ACCESS_TOKEN: 'test' },
  flag: 'digitalocean-image',
  isMake: isSnapshot,
  imageOf: (requests) => {
    const request = requests.findLast(({ method, path }) => method === 'POST' && path === '/v2/droplets');
    return request === undefined
      ? undefined
      : String((JSON.parse(request.body) as { readonly image: unknown }).image);
  },
  images: 'images',
});
