import type { FlagValues } from '../../../src/drivers/driver.ts';
import type { CloudMachine } from '../../fakes/cloud-machine.ts';
import { googleValues, makeGoogleMachine, type GoogleMachineOptions } from '../../fakes/google-machine.ts';
import { declareBakeFlow } from '../../support/loopback-cloud/bake-flow-suite.ts';
import { declareBake } from '../../support/loopback-cloud/bake-suite.ts';
import type { CloudRequest } from '../../support/loopback-cloud/fault-server.ts';
import {
  createIn,
  sceneDeclarer,
  tryCreate,
  type CloudScene,
} from '../../support/loopback-cloud/fault-suite.ts';
import { googleError } from '../../support/loopback-cloud/google-account.ts';
import { startGoogleCloud, type GoogleCloud } from '../../support/loopback-cloud/google-cloud.ts';

// Images of instances of Google, at the stand-in.

interface Scene extends CloudScene {
  readonly cloud: GoogleCloud;
  readonly make: (options?: Partial<GoogleMachineOptions>) => CloudMachine;
}

const order = { name: 'ci-1', system: 'Debian GNU/Linux 12 (bookworm)', engineVersion: '28.0.4' };

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

declareBake<CloudRequest, Scene>(declare, {
  error: (status) => ({ kind: 'answer', ...googleError(status, 'backendError') }),
  images: 'images',
  slow: ({ cloud }, answers) => {
    cloud.account.imageRequests = answers;
  },
  marksLater: true,
});

declareBakeFlow<CloudRequest, Scene>(declare, {
  driverName: 'google',
  values: ({ cloud }) => googleValues(cloud.server.url),
  env: ({ cloud }) => ({ GOOGLE_AUTH_ENCODED_JSON: cloud.key }),
  flag: 'google-machine-image',
  isMake: ({ method, path }) => method === 'POST' && path.endsWith('/global/images'),
  imageOf: (requests) => {
    const made = requests.findLast(({ method, path }) => method === 'POST' && path.endsWith('/instances'));
    return /"sourceImage":"projects\/([^"]+)"/.exec(made?.body ?? '')?.[1];
  },
  images: 'images',
});

/** An image of a machine that has gone. */
async function bake(
  scene: Scene,
  values: FlagValues = {},
): Promise<{ readonly id: string; readonly remove: () => Promise<void> }> {
  const storeId = crypto.randomUUID();
  const machine = scene.make({ storeId, values });
  await createIn(machine);
  await machine.driver.stop(machine.context);
  const images = await machine.driver.images?.();
  await images?.make(machine.context, order);
  await machine.cleanup();
  const [image = { id: '' }] = (await images?.list(machine.context, storeId)) ?? [];
  return { id: image.id, remove: async () => images?.remove(machine.context, image) };
}

declare('an image is marked in the request that makes it', async (t, scene) => {
  const { id, remove } = await bake(scene);
  t.regex(id, /^hotel-1\/global\/images\/ci-1-[0-9a-f]{8}$/);
  const request = scene.server.requests.find(
    ({ method, path }) => method === 'POST' && path.endsWith('/global/images'),
  );
  t.regex(request?.query.get('requestId') ?? '', /^[0-9a-f-]{36}$/);
  const { labels, sourceDisk, description } = JSON.parse(request?.body ?? '') as {
    readonly labels: Readonly<Record<string, string>>;
    readonly sourceDisk: string;
    readonly description: string;
  };
  t.is(sourceDisk, 'projects/hotel-1/zones/us-central1-a/disks/dev-disk');
  t.is(labels['tsmachine-image'], 'ci-1');
  t.is(labels['tsmachine-baked'], undefined);
  t.is(description, 'tsmachine-system=Debian_GNU/Linux_12_(bookworm) tsmachine-engine=28.0.4');
  await remove();
});

declare('an image of another architecture is refused before anything is made', async (t, scene) => {
  const { id, remove } = await bake(scene);
  const before = scene.server.requests.length;
  const machine = scene.make({
    values: { 'google-machine-image': id, 'google-machine-type': 't2a-standard-1' },
  });
  const findings = await machine.driver.check(machine.context);
  t.regex(findings.map(({ message }) => message).join(), /is of X86_64, the machine type .* of ARM64/);
  t.regex(String(await tryCreate(t, machine)), /is of X86_64/);
  const changes = scene.server.requests.slice(before).filter(({ method }) => method !== 'GET');
  t.deepEqual(
    changes.filter(({ path }) => path !== '/token'),
    [],
  );
  await remove();
});

declare('user data is for images with cloud-init, also where one was baked of another', async (t, scene) => {
  const sends = async (values: FlagValues): Promise<boolean> => {
    const machine = scene.make({ values });
    await createIn(machine);
    const made = scene.server.requests.findLast(
      ({ method, path }) => method === 'POST' && path.endsWith('/instances'),
    );
    await machine.cleanup();
    return made?.body.includes('"user-data"') === true;
  };
  const ubuntu = await bake(scene);
  t.true(await sends({ 'google-machine-image': ubuntu.id }));
  const debian = await bake(scene, { 'google-machine-image': 'debian-cloud/global/images/family/debian-12' });
  t.false(await sends({ 'google-machine-image': debian.id }));
  const again = await bake(scene, { 'google-machine-image': debian.id });
  t.false(await sends({ 'google-machine-image': again.id }));
  for (const { remove } of [ubuntu, debian, again]) {
    await remove();
  }
});

declare('an image that Google cannot make is told, and goes', async (t, scene) => {
  const storeId = crypto.randomUUID();
  const machine = scene.make({ storeId });
  await createIn(machine);
  await machine.driver.stop(machine.context);
  const images = await machine.driver.images?.();
  scene.cloud.account.failImage = { code: 'RESOURCE_OPERATION_RATE_EXCEEDED', message: 'Too often' };
  await t.throwsAsync(async () => images?.make(machine.context, order), {
    code: 'cloud-refused',
    message: /Too often/,
  });
  await machine.cleanup();
  const owned = (await machine.driver.listOwned?.(machine.context, storeId)) ?? [];
  t.deepEqual(
    owned.map(({ kind, name }) => [kind, name]),
    [['image', 'ci-1']],
  );
  for (const resource of owned) {
    await machine.driver.removeOwned?.(machine.context, resource);
  }
  t.deepEqual((await scene.cloud.rests())['images'], []);
});

declare('gc removes machine and image, also while one is made of the other', async (t, scene) => {
  const storeId = crypto.randomUUID();
  const machine = scene.make({ storeId });
  await createIn(machine);
  await machine.driver.stop(machine.context);
  const images = await machine.driver.images?.();
  scene.cloud.account.imageRequests = 5_000;
  await t.throwsAsync(async () => images?.make(machine.context, order), { code: 'timeout' });
  scene.server.onDone = ({ method, path }) => {
    if (method === 'DELETE' && path.includes('/instances/')) {
      scene.cloud.account.imageRequests = 0;
    }
  };
  const owned = (await machine.driver.listOwned?.(machine.context, storeId)) ?? [];
  t.deepEqual(owned.map(({ kind }) => kind).sort(), ['disk', 'firewall', 'image', 'instance']);
  for (const kind of ['instance', 'image', 'disk', 'firewall']) {
    for (const resource of owned.filter((each) => each.kind === kind)) {
      await machine.driver.removeOwned?.(machine.context, resource);
    }
  }
  const rests = await scene.cloud.rests();
  t.deepEqual(Object.values(rests).flat(), []);
});

declare('an instance that was there before is never baked', async (t, scene) => {
  const machine = scene.make({ values: { 'google-use-existing': true } });
  const images = await machine.driver.images?.();
  await t.throwsAsync(async () => images?.requirePossible?.(machine.context), { code: 'capability-missing' });
  await t.notThrowsAsync(async () => images?.requirePossible?.(scene.make().context));
});
