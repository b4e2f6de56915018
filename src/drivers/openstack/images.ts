import { findSurely } from '../../cloud/certain.ts';
import { cloudStatus, unlessMissing } from '../../cloud/json-api.ts';
import { makeOnce } from '../../cloud/make-once.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import type { BakedImage, ImageMaker, ImageOrder } from '../images.ts';
import { imageOf, readAll, type Image } from './api/answers.ts';
import { openOpenStack, type OpenStack } from './api/openstack.ts';
import type { OpenStackConfig } from './config.ts';
import { finishedMark, markedName, propertiesOfImage, readProperties } from './marks.ts';
import { findSnapshot, markVolumes, removeSnapshots } from './snapshots.ts';
import { accessOfCheck, openWorld, type OpenStackContext, type OpenStackWorld } from './world.ts';

/** Images of servers, in Glance. */

const imageTimeoutMs = 60 * 60_000;
const firstIntervalMs = 5_000;
const intervalMaxMs = 30_000;
const patchType = 'application/openstack-images-v2.1-json-patch';

export const openStackImages: ImageMaker<OpenStackConfig> = {
  make: async (context, order) => {
    const { host, signal } = context;
    const world = await openWorld(context);
    const { machineId } = await world.provider.ownership();
    const find = async (): Promise<readonly Image[]> =>
      findImages(world.openstack, ownerTags.machine, machineId);
    const image = await makeOnce({
      find: async () => (await find())[0],
      make: async () => {
        await create(context, world, order);
        // Older versions of Nova name the image nowhere but in a header.
        const [made] = await findSurely(find, { clock: host.clock, signal, mayBeThere: true });
        if (made === undefined) {
          throw new MachineError('cloud-refused', 'Nova makes an image that Glance does not know.');
        }
        return made;
      },
      clock: host.clock,
      signal,
    });
    await waitUntilUsable(context, world.openstack, image.id);
    await finish(context, world.openstack, { id: image.id, name: order.name });
  },
  list: async (context, storeId) =>
    listImages(openOpenStack(accessOfCheck(context)), context.config, storeId),
  remove: async (context, { id }) => deleteImage(context, openOpenStack(accessOfCheck(context)), id),
};

/** Images of a store, also those that are not finished. */
async function listImages(
  openstack: OpenStack,
  config: OpenStackConfig,
  storeId: string,
): Promise<readonly BakedImage[]> {
  return toBaked(await imagesOfStore(openstack, storeId), config);
}

/** As Glance tells of them. */
export async function imagesOfStore(openstack: OpenStack, storeId: string): Promise<readonly Image[]> {
  return findImages(openstack, ownerTags.owner, storeId);
}

/** The same for all drivers. */
export function toBaked(images: readonly Image[], { region }: OpenStackConfig): readonly BakedImage[] {
  return images.flatMap(({ id, properties, architecture, diskGiB }) => {
    const told = readProperties(id, properties);
    return told === undefined
      ? []
      : [
          {
            id,
            place: region,
            ...told,
            ...(/^(?:x86_64|amd64)$/.test(architecture) ? { architecture: 'amd64' as const } : {}),
            ...(/^(?:aarch64|arm64)$/.test(architecture) ? { architecture: 'arm64' as const } : {}),
            ...(diskGiB === 0 ? {} : { diskGiB }),
          },
        ];
  });
}

/** Those of the project, and none that has its marks from the image that its server was made of. */
async function findImages(openstack: OpenStack, key: string, value: string): Promise<readonly Image[]> {
  const query = { owner: await openstack.projectId(), [key]: value };
  const images = readAll(await openstack.list('image', '/images', 'images', query), imageOf);
  return images.filter(
    ({ id, properties }) => properties[key] === value && readProperties(id, properties) !== undefined,
  );
}

async function findImage(openstack: OpenStack, id: string): Promise<Image | undefined> {
  const path = `/images/${encodeURIComponent(id)}`;
  const image = imageOf(await unlessMissing(() => openstack.call('image', { method: 'GET', path })));
  return /^(?:pending_)?deleted?$/.test(image?.status ?? '') ? undefined : image;
}

/** Its name tells whose it is until it is finished: Nova gives it to the snapshots of volumes, which can carry nothing else. */
async function create(context: OpenStackContext, world: OpenStackWorld, order: ImageOrder): Promise<void> {
  const { config, host } = context;
  const own = await world.provider.ownership();
  await markVolumes(context, world);
  const metadata = propertiesOfImage(own, order, host.clock.nowMs());
  await world.openstack.call('compute', {
    method: 'POST',
    path: `/servers/${encodeURIComponent(config.serverId)}/action`,
    body: { createImage: { name: markedName(order.name, own), metadata } },
  });
}

/** Waits for the image, and for the snapshots in which its disks are: with those Glance calls it active at once. */
async function waitUntilUsable(
  { host, signal }: OpenStackContext,
  openstack: OpenStack,
  id: string,
): Promise<void> {
  const failed = (why: string): MachineError =>
    new MachineError('cloud-refused', `OpenStack could not make the image ${id}.`, { why });
  await waitFor(
    async () => {
      const image = await findImage(openstack, id);
      if (image === undefined || /^(?:killed|deactivated)$/.test(image.status)) {
        throw failed(image === undefined ? 'It is gone.' : `It is ${image.status}.`);
      }
      const statuses = [];
      for (const snapshot of image.snapshots) {
        statuses.push((await findSnapshot(openstack, snapshot.id))?.status ?? 'gone');
      }
      const lost = statuses.find((status) => /^(?:error|deleting|gone)/.test(status));
      if (lost !== undefined) {
        throw failed(`A snapshot of it is ${lost}.`);
      }
      return image.status === 'active' && statuses.every((status) => status === 'available')
        ? true
        : undefined;
    },
    {
      clock: host.clock,
      timeoutMs: imageTimeoutMs,
      intervalMs: firstIntervalMs,
      intervalMaxMs,
      signal,
      code: 'timeout',
      what: `the image ${id} to be active`,
    },
  );
}

async function finish(
  { host }: OpenStackContext,
  openstack: OpenStack,
  { id, name }: { readonly id: string; readonly name: string },
): Promise<void> {
  await openstack.call('image', {
    method: 'PATCH',
    path: `/images/${encodeURIComponent(id)}`,
    contentType: patchType,
    // In this version of patches, "add" also replaces.
    body: [
      { op: 'add', path: `/${ownerTags.baked}`, value: finishedMark(id, host.clock.nowMs()) },
      { op: 'replace', path: '/name', value: name },
    ],
    isRepeatable: true,
  });
}

/**
 * Removes an image with all that it holds. It goes last, as it is what tells of the rest. Gone already is success.
 * @throws MachineError `cloud-refused` when machines need it.
 */
export async function deleteImage(
  context: Pick<OpenStackContext, 'host' | 'signal'>,
  openstack: OpenStack,
  id: string,
): Promise<void> {
  const image = await findImage(openstack, id);
  if (image === undefined) {
    return;
  }
  const { machineId } = readProperties(id, image.properties) ?? {};
  const storeId = image.properties[ownerTags.owner];
  if (image.snapshots.length > 0 && machineId !== undefined && storeId !== undefined) {
    const ids = image.snapshots.map((snapshot) => snapshot.id);
    await removeSnapshots(context, openstack, { storeId, machineId, ids });
  }
  try {
    const path = `/images/${encodeURIComponent(id)}`;
    await unlessMissing(() => openstack.call('image', { method: 'DELETE', path }));
  } catch (error) {
    throw cloudStatus(error) === 409 ? inUse(id, error) : error;
  }
}

/** Glance says it with a page. */
function inUse(id: string, cause: unknown): MachineError {
  return new MachineError('cloud-refused', `Glance does not remove the image ${id}: it is in use.`, {
    why: 'Some clouds keep an image as long as there are disks that were made of it.',
    remedies: ['Remove the machines that were made of the image first.'],
    cause,
  });
}
