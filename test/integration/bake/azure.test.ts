import { isMachineError } from '../../../src/core/errors.ts';
import { azureValues } from '../../fakes/azure-machine.ts';
import { azureFault, azureSecret, type AzureCloud } from '../../support/loopback-cloud/azure-cloud.ts';
import { declareAzureScene, type AzureScene } from '../../support/loopback-cloud/azure-scene.ts';
import { declareBakeFlow } from '../../support/loopback-cloud/bake-flow-suite.ts';
import { declareBake } from '../../support/loopback-cloud/bake-suite.ts';
import type { CloudRequest } from '../../support/loopback-cloud/fault-server.ts';
import { createIn } from '../../support/loopback-cloud/fault-suite.ts';

// Managed images of virtual machines of Azure, at the stand-in.

declareBake<CloudRequest, AzureScene>(declareAzureScene, {
  error: azureFault,
  images: 'images',
  slow: ({ cloud }, answers) => {
    cloud.creatingAnswers = answers;
    // Else the clock stands still while nothing but waiting is done.
    cloud.operationPauseS = answers > 0 ? undefined : 0;
  },
});

declareBakeFlow<CloudRequest, AzureScene>(declareAzureScene, {
  driverName: 'azure',
  values: ({ cloud }) => azureValues(cloud.url),
  env: { AZURE_CLIENT_SECRET: azureSecret },
  flag: 'azure-image',
  isMake: ({ method, path }) => method === 'PUT' && /\/images\/[^/]+$/.test(path),
  imageOf: (requests) => {
    const request = requests.findLast(
      ({ method, path }) => method === 'PUT' && /\/virtualMachines\/[^/]+$/.test(path),
    );
    return request === undefined ? undefined : imageReferenceOf(request.body);
  },
  images: 'images',
});

function imageReferenceOf(body: string): string | undefined {
  const { properties } = JSON.parse(body) as {
    readonly properties: { readonly storageProfile: { readonly imageReference: { readonly id?: string } } };
  };
  return properties.storageProfile.imageReference.id;
}

const order = { name: 'ci-1', system: 'Ubuntu 24.04.2 LTS', engineVersion: '28.0.4' };
const storeId = '00000000-0000-4000-8000-00000000000a';
const group = '/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/docker-machine';

/** Bakes an image and removes the machine. @returns its id, and what removes it. */
async function bake(
  { make, cloud }: AzureScene,
  values: Parameters<AzureScene['make']>[0] = {},
): Promise<{ readonly id: string; readonly remove: () => Promise<void> }> {
  const machine = make({ storeId, name: 'bake-ci-1', ...values });
  const { driver, context } = machine;
  const maker = await driver.images?.();
  await createIn(machine);
  await driver.stop(context);
  await maker?.make(context, order);
  await machine.cleanup();
  const [image] = (await maker?.list(context, storeId)) ?? [];
  const id = image?.id ?? '';
  return {
    id,
    remove: async () => {
      await maker?.remove(context, { id });
      if ((cloud.rests()['images'] ?? []).length > 0) {
        throw new Error('the image is still there');
      }
    },
  };
}

function groupsOf(cloud: AzureCloud): readonly string[] {
  return cloud.rests()['resourceGroups'] ?? [];
}

declareAzureScene('the resource group stays for an image, and goes with the last one', async (t, scene) => {
  const { cloud, make } = scene;
  const one = await bake(scene);
  t.deepEqual(cloud.rests(), { resourceGroups: [group], images: [one.id] });
  // Machines come and go meanwhile.
  const dev = make({ storeId, values: { 'azure-image': one.id } });
  await createIn(dev);
  const owned = (await dev.driver.listOwned?.(dev.context, storeId)) ?? [];
  t.false(
    owned.some(({ kind }) => kind === 'group' || kind === 'image'),
    'a group with an image is used',
  );
  await dev.cleanup();
  t.deepEqual(groupsOf(cloud), [group]);
  await dev.driver.removeOwned?.(dev.context, {
    kind: 'group',
    id: group,
    name: 'docker-machine',
    place: '',
  });
  t.deepEqual(groupsOf(cloud), [group], 'not by gc either');
  await one.remove();
  t.deepEqual(cloud.rests(), {});
});

declareAzureScene(
  'a group with a machine in it, or of somebody else, outlives its images',
  async (t, scene) => {
    const { cloud, make } = scene;
    const first = await bake(scene);
    const dev = make({ storeId });
    await createIn(dev);
    await first.remove();
    t.deepEqual(groupsOf(cloud), [group]);
    await dev.cleanup();
    t.deepEqual(cloud.rests(), {});
    cloud.put(group, { location: 'westus' });
    const second = await bake(scene);
    await second.remove();
    t.deepEqual(cloud.rests(), { resourceGroups: [group] });
    cloud.take(group);
  },
);

declareAzureScene('what does not go with an image is told before anything is made', async (t, scene) => {
  const { cloud, make } = scene;
  const { id, remove } = await bake(scene, { values: { 'azure-disk-size': 40 } });
  const before = cloud.rests();
  const codes = async (values: Record<string, unknown>): Promise<readonly string[]> => {
    const { driver, context } = make({
      values: { 'azure-image': id, 'azure-disk-size': 40, ...values },
    });
    return (await driver.check(context)).map(({ code, message }) => `${code}: ${message}`);
  };
  t.deepEqual(await codes({}), []);
  for (const [values, said] of [
    [{ 'azure-size': 'Standard_D2ps_v5' }, /another architecture than the size Standard_D2ps_v5/],
    [{ 'azure-size': 'Standard_A2_v2' }, /takes no image of generation V2/],
    [{ 'azure-disk-size': 30 }, /disk of 30 GB is too small/],
    [{ 'azure-location': 'northeurope' }, /is in westus, the machine is to be in northeurope/],
    [{ 'azure-image': `${id}x` }, /There is no image/],
  ] as const) {
    const [finding, ...more] = await codes(values);
    t.deepEqual(more, []);
    t.regex(finding ?? '', said);
  }
  t.deepEqual(cloud.rests(), before);
  await remove();
});

declareAzureScene(
  'no image is made of a machine of ARM, and that is told before there is one',
  async (t, scene) => {
    const { cloud, make } = scene;
    const arm = make({ storeId, values: { 'azure-size': 'Standard_D2ps_v5' } });
    const maker = await arm.driver.images?.();
    await t.throwsAsync(async () => maker?.requirePossible?.(arm.context), { code: 'capability-missing' });
    t.deepEqual(cloud.rests(), {});
    const old = make({ storeId, values: { 'azure-size': 'Standard_A2_v2' } });
    await maker?.requirePossible?.(old.context);
    const image = await bake(scene, { values: { 'azure-size': 'Standard_A2_v2' } });
    t.like(cloud.sent(image.id), { properties: { hyperVGeneration: 'V1' } });
    await image.remove();
  },
);

declareAzureScene('an image that Azure could not make is said so, and made anew', async (t, scene) => {
  const { cloud, make } = scene;
  const machine = make({ storeId, values: { 'azure-tags': 'team,blue' } });
  const { driver, context } = machine;
  const maker = await driver.images?.();
  await createIn(machine);
  await driver.stop(context);
  cloud.imageError = { code: 'InternalDiskError', message: 'the copy failed' };
  const error = await t.throwsAsync(async () => maker?.make(context, order), { message: /the copy failed/ });
  t.true(isMachineError(error) && error.code === 'cloud-refused');
  t.deepEqual(
    (await maker?.list(context, storeId))?.map(({ isFinished }) => isFinished),
    [false],
  );
  cloud.imageError = undefined;
  await maker?.make(context, order);
  const [image, ...more] = (await maker?.list(context, storeId)) ?? [];
  t.deepEqual(more, []);
  t.like(image, { ...order, isFinished: true, place: 'westus', architecture: 'amd64', diskGiB: 30 });
  t.like(
    cloud.sent(image?.id ?? ''),
    { tags: { team: 'blue' } },
    'rules of the subscription may ask for tags',
  );
  await machine.cleanup();
  await maker?.remove(context, { id: image?.id ?? '' });
});
