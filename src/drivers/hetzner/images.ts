import { unlessMissing } from '../../cloud/json-api.ts';
import { field } from '../../cloud/json-fields.ts';
import { makeOnce } from '../../cloud/make-once.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import type { BakedImage, ImageMaker, ImageOrder } from '../images.ts';
import { snapshotOf, type Snapshot } from './api/answers.ts';
import { openHetzner, type Hetzner } from './api/hetzner.ts';
import type { HetznerConfig } from './config.ts';
import { listLabelled } from './labelled.ts';
import { finishedLabel, labelsOfImage, readImageLabels } from './labels.ts';
import { accessOf, openWorld, type HetznerContext, type HetznerWorld } from './world.ts';

/** Images of servers: snapshots with labels. */

const imageTimeoutMs = 60 * 60_000;
const firstIntervalMs = 5_000;
const intervalMaxMs = 30_000;

export const hetznerImages: ImageMaker<HetznerConfig> = {
  make: async (context, order) => {
    const { host, signal } = context;
    const world = await openWorld(context);
    const { machineId } = await world.provider.ownership();
    const image = await makeOnce({
      find: async () => (await findImages(world.hetzner, ownerTags.machine, machineId))[0],
      make: async () => create(context, world, order),
      clock: host.clock,
      signal,
    });
    const { labels } = await waitUntilAvailable(context, world.hetzner, image.id);
    // All of them are written anew, so none may be left out.
    const body = { labels: { ...labels, ...finishedLabel(host.clock.nowMs()) } };
    await world.hetzner.send({ method: 'PUT', path: `/images/${image.id}`, body });
  },
  list: async (context, storeId) => listImages(openHetzner(accessOf(context)), storeId),
  remove: async (context, { id }) => deleteImage(openHetzner(accessOf(context)), Number(id)),
};

/** Images of a store, also those that are not finished. */
export async function listImages(hetzner: Hetzner, storeId: string): Promise<readonly BakedImage[]> {
  return (await findImages(hetzner, ownerTags.owner, storeId)).map(toBaked);
}

/** One that is gone already is success. */
export async function deleteImage(hetzner: Hetzner, id: number): Promise<void> {
  await unlessMissing(() => hetzner.send({ method: 'DELETE', path: `/images/${id}` }));
}

function toBaked({ id, architecture, labels, diskGb }: Snapshot): BakedImage {
  return {
    id: String(id),
    place: '',
    ...readImageLabels(labels),
    ...(architecture === 'x86' ? { architecture: 'amd64' } : {}),
    ...(architecture === 'arm' ? { architecture: 'arm64' } : {}),
    ...(diskGb === undefined ? {} : { diskGiB: diskGb }),
  };
}

async function findImages(hetzner: Hetzner, key: string, value: string): Promise<readonly Snapshot[]> {
  return listLabelled(hetzner, '/images', { key, value, read: snapshotOf });
}

async function create(context: HetznerContext, world: HetznerWorld, order: ImageOrder): Promise<Snapshot> {
  const { config, host } = context;
  const labels = labelsOfImage(await world.provider.ownership(), order, host.clock.nowMs());
  const path = `/servers/${config.serverId}/actions/create_image`;
  const body = { type: 'snapshot', description: order.name, labels };
  return world.hetzner.ask({ method: 'POST', path, body }, (answer) => snapshotOf(field(answer, 'image')));
}

async function waitUntilAvailable(
  { host, signal }: HetznerContext,
  hetzner: Hetzner,
  id: number,
): Promise<Snapshot> {
  return waitFor(
    async () => {
      const request = { method: 'GET', path: `/images/${id}` } as const;
      const image = await unlessMissing(() =>
        hetzner.ask(request, (answer) => snapshotOf(field(answer, 'image'))),
      );
      if (image === undefined || image.status === 'unavailable') {
        throw new MachineError('cloud-refused', `Hetzner could not make the image ${id}.`, {
          why: image === undefined ? 'It is gone.' : 'It is unavailable.',
        });
      }
      return image.status === 'available' ? image : undefined;
    },
    {
      clock: host.clock,
      timeoutMs: imageTimeoutMs,
      intervalMs: firstIntervalMs,
      intervalMaxMs,
      signal,
      code: 'timeout',
      what: `the image ${id} to be available`,
    },
  );
}
