import { ownedKinds } from '../../../src/drivers/owned.ts';
import { openStackValues } from '../../fakes/openstack-machine.ts';
import { declareBakeFlow } from '../../support/loopback-cloud/bake-flow-suite.ts';
import { declareBake } from '../../support/loopback-cloud/bake-suite.ts';
import type { CloudRequest } from '../../support/loopback-cloud/fault-server.ts';
import { createIn, restsIn, type DeclareScene } from '../../support/loopback-cloud/fault-suite.ts';
import { openStackError } from '../../support/loopback-cloud/openstack-cloud.ts';
import { createImage } from '../../support/loopback-cloud/openstack-images.ts';
import { declareOpenStack, type OpenStackScene } from '../../support/loopback-cloud/openstack-scene.ts';

// Images of servers of OpenStack: of such whose root disk is Nova's own, and of such that are on a volume.

interface Server {
  readonly imageRef?: string;
  readonly block_device_mapping_v2?: readonly { readonly uuid: string; readonly source_type: string }[];
}

const onVolume = { 'openstack-boot-from-volume': true, 'openstack-volume-size': 0 };

function lastImageAsked(requests: readonly CloudRequest[]): string | undefined {
  const path = requests.findLast((request) => /^\/image\/v2\/images\/./.test(request.path))?.path;
  return path?.split('/').at(-1);
}

/** The same with machines that boot from a volume. */
const declareOnVolume: DeclareScene<OpenStackScene> = (title, body) => {
  declareOpenStack(`from a volume: ${title}`, async (t, scene) => {
    const make: OpenStackScene['make'] = ({ values, ...options } = {}) =>
      scene.make({ values: { ...onVolume, ...values }, ...options });
    await body(t, { ...scene, make });
  });
};

for (const [declare, values] of [
  [declareOpenStack, {}],
  [declareOnVolume, onVolume],
] as const) {
  declareBake<CloudRequest, OpenStackScene>(declare, {
    error: openStackError,
    images: 'images',
    slow: ({ cloud }, answers) => {
      cloud.state.settings.imageLooks = answers;
    },
  });

  declareBakeFlow<CloudRequest, OpenStackScene>(declare, {
    driverName: 'openstack',
    values: ({ cloud }) => ({ ...openStackValues(cloud.authUrl), ...values }),
    env: { OS_PASSWORD: 'pass-hush' },
    flag: 'openstack-image-name',
    isMake: ({ body }) => body.startsWith('{"createImage"'),
    imageOf: (requests) => {
      const request = requests.findLast(
        ({ method, path }) => method === 'POST' && path === '/compute/v2.1/servers',
      );
      const server = (JSON.parse(request?.body ?? '{}') as { readonly server?: Server }).server;
      const [root] = server?.block_device_mapping_v2 ?? [];
      // The root disk is made of the snapshot that the image names.
      return root?.source_type === 'snapshot' ? lastImageAsked(requests) : server?.imageRef;
    },
    images: 'images',
  });
}

const storeId = '00000000-0000-4000-8000-00000000000a';
const order = { name: 'ci-1', system: 'Debian GNU/Linux 13 (trixie)', engineVersion: '28.0.4' };

declareOnVolume('a snapshot whose image never came to be is found by its name', async (t, scene) => {
  const machine = scene.make({ storeId });
  const { driver, context } = machine;
  await createIn(machine);
  await driver.stop(context);
  const { snapshots, images } = scene.cloud.state;
  scene.server.onRequest = ({ path, method }) =>
    method === 'GET' && path === '/image/v2/images' && snapshots.size > 0 ? openStackError(500) : undefined;
  await t.throwsAsync((await driver.images?.())?.make(context, order) ?? Promise.resolve());
  scene.server.onRequest = () => undefined;
  // Nova made the snapshot, and could not make the image.
  images.clear();
  await machine.cleanup();
  t.deepEqual(Object.keys(await restsIn(scene)).sort(), ['snapshots', 'volumes']);
  const owned = (await driver.listOwned?.(context, storeId)) ?? [];
  t.deepEqual(owned.map(({ kind }) => kind).sort(), ['disk', 'snapshot']);
  for (const kind of ownedKinds) {
    for (const resource of owned.filter((each) => each.kind === kind)) {
      await driver.removeOwned?.(context, resource);
    }
  }
});

declareOpenStack('an image that somebody makes of a machine of an image is nobody’s', async (t, scene) => {
  const machine = scene.make({ storeId });
  await createIn(machine);
  await machine.driver.stop(machine.context);
  const maker = await machine.driver.images?.();
  await maker?.make(machine.context, order);
  const [image] = (await maker?.list(machine.context, storeId)) ?? [];
  await machine.cleanup();
  const values = { 'openstack-image-name': '', 'openstack-image-id': image?.id ?? '' };
  const second = scene.make({ storeId, values });
  await createIn(second);
  // As a user does it, without any marks: Nova writes those of the first image on it.
  const { state } = scene.cloud;
  const [server] = state.servers.values();
  t.is(server?.inherited['tsmachine-image'], 'ci-1');
  t.is(server === undefined ? 0 : createImage(state, server, { name: 'mine' }).status, 202);
  t.deepEqual(await maker?.list(machine.context, storeId), [image]);
  const kinds = (await machine.driver.listOwned?.(machine.context, storeId))?.map(({ kind }) => kind);
  t.false(kinds?.includes('image'));
  // An image of such a machine has marks of its own, and is not finished before it is.
  await second.driver.stop(second.context);
  await maker?.make(second.context, { ...order, name: 'ci-2' });
  const names = (await maker?.list(machine.context, storeId))?.map(({ name, isFinished }) => [
    name,
    isFinished,
  ]);
  t.deepEqual(names, [
    ['ci-1', true],
    ['ci-2', true],
  ]);
  await second.cleanup();
  state.images.clear();
});

declareOpenStack('an image that is too large for the flavor is refused beforehand', async (t, scene) => {
  const values = { 'openstack-flavor-name': 'm1.medium', 'openstack-volume-size': 0 };
  const machine = scene.make({ storeId, values });
  await createIn(machine);
  await machine.driver.stop(machine.context);
  const maker = await machine.driver.images?.();
  await maker?.make(machine.context, order);
  const [image] = (await maker?.list(machine.context, storeId)) ?? [];
  await machine.cleanup();
  const small = { 'openstack-image-name': '', 'openstack-image-id': image?.id ?? '' };
  const { driver, context } = scene.make({ storeId, values: small });
  const findings = await driver.check({ ...context, name: 'dev' });
  t.regex(findings.map(({ message }) => message).join(), /larger disk than the flavor has\. It needs 40 GiB/);
  await maker?.remove(machine.context, image ?? { id: '' });
});
