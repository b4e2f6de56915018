import { cloudStatus, unlessMissing } from '../../cloud/json-api.ts';
import { makeOnce } from '../../cloud/make-once.ts';
import { MachineError, messageOf } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import type { BakedImage, ImageMaker } from '../images.ts';
import { actionOf, imageOf, type Action, type Image } from './answers.ts';
import { openDigitalOcean, type DigitalOcean } from './api.ts';
import type { DropletConfig } from './config.ts';
import { finishedImageName, ownName, readImageName, type ImageName } from './tags.ts';
import { waitUntil } from './wait-droplet.ts';
import { accessOfCheck, openWorld, type DropletContext, type DropletWorld } from './world.ts';

/**
 * Images of droplets: snapshots. The request that makes one takes a name and nothing else, so whose it is stands in that; what
 * is in it is added to the name when it can be used.
 */

const imageTimeoutMs = 60 * 60_000;
const firstIntervalMs = 5_000;
const intervalMaxMs = 30_000;

export const dropletImages: ImageMaker<DropletConfig> = {
  make: async (context, order) => {
    const world = await openWorld(context);
    const own = await world.provider.ownership();
    const snapshot: Snapshot = { context, world, machineId: own.machineId };
    await begin(snapshot, ownName(own, order.name));
    const image = await waitUntilAvailable(snapshot);
    if (readImageName(image.name)?.said.isFinished !== true) {
      const body = { name: finishedImageName(own, order) };
      await world.api.call({ method: 'PUT', path: `/images/${image.id}`, body });
    }
  },
  list: async (context, storeId) => listImages(openDigitalOcean(accessOfCheck(context)), storeId),
  remove: async (context, { id }) => deleteImage(openDigitalOcean(accessOfCheck(context)), id),
};

/** Images of a store, also those that are not finished. */
export async function listImages(api: DigitalOcean, storeId: string): Promise<readonly BakedImage[]> {
  return (await ownImages(api)).flatMap((image) => {
    const name = readImageName(image.name);
    return name?.storeId === storeId ? [toBaked(image, name)] : [];
  });
}

/** One that is gone already is success. */
export async function deleteImage(api: DigitalOcean, id: string): Promise<void> {
  if (/^[1-9]\d*$/.test(id)) {
    await unlessMissing(() => api.call({ method: 'DELETE', path: `/images/${id}` }));
  }
}

function toBaked({ id, regions, diskGb, createdMs }: Image, { said }: ImageName): BakedImage {
  return {
    id: String(id),
    place: regions.join(', '),
    ...said,
    // There are no others.
    architecture: 'amd64',
    ...(createdMs === undefined ? {} : { createdMs }),
    ...(diskGb === undefined ? {} : { diskGiB: diskGb }),
  };
}

/** Every image of the account's own. */
async function ownImages(api: DigitalOcean): Promise<readonly Image[]> {
  return api.list('/images', { key: 'images', query: { private: true }, read: imageOf });
}

/** The one snapshot of a machine. */
interface Snapshot {
  readonly context: DropletContext;
  readonly world: DropletWorld;
  readonly machineId: string;
}

async function findImage({ world, machineId }: Snapshot): Promise<Image | undefined> {
  return (await ownImages(world.api)).find(({ name }) => readImageName(name)?.said.machineId === machineId);
}

/** The action that was asked for last; the image may be in no list before it is done. */
async function lastAction({ context: { config }, world: { api } }: Snapshot): Promise<Action | undefined> {
  const path = `/droplets/${config.dropletId}/actions`;
  const actions = await api.list(path, { key: 'actions', read: actionOf });
  return actions.filter(({ type }) => type === 'snapshot').sort((one, other) => other.id - one.id)[0];
}

/** Asks for the snapshot as soon as the droplet takes an action, unless it was asked for already. */
async function begin(snapshot: Snapshot, name: string): Promise<void> {
  const { context, world } = snapshot;
  let refusal: string | undefined;
  await waitUntil(context, world, {
    what: `the droplet of "${context.name}" to take a snapshot`,
    hint: () => refusal,
    isReached: async ({ isLocked }) => {
      if ((await findBegun(snapshot)) !== undefined) {
        return true;
      }
      if (isLocked) {
        return false;
      }
      refusal = await ask(snapshot, name);
      return refusal === undefined;
    },
  });
}

async function findBegun(snapshot: Snapshot): Promise<Action | Image | undefined> {
  const action = await lastAction(snapshot);
  return action === undefined || action.status === 'errored' ? findImage(snapshot) : action;
}

/** @returns why the droplet takes no action now. */
async function ask(snapshot: Snapshot, name: string): Promise<string | undefined> {
  const { context, world } = snapshot;
  const path = `/droplets/${context.config.dropletId}/actions`;
  const body = { type: 'snapshot', name };
  try {
    await makeOnce<unknown>({
      find: async () => findBegun(snapshot),
      make: async () => world.api.one({ method: 'POST', path, body }, 'action', actionOf),
      clock: context.host.clock,
      signal: context.signal,
      mayBeThere: false,
    });
    return undefined;
  } catch (error) {
    if (cloudStatus(error) !== 422) {
      throw error;
    }
    return messageOf(error);
  }
}

/** @throws MachineError `timeout`; `cloud-refused` for a snapshot that fails. */
async function waitUntilAvailable(snapshot: Snapshot): Promise<Image> {
  const { host, signal, name } = snapshot.context;
  return waitFor(
    async () => {
      const action = await lastAction(snapshot);
      if (action?.status === 'in-progress') {
        return undefined;
      }
      const image = await findImage(snapshot);
      if (image === undefined && action?.status === 'errored') {
        throw failed(name, `The action ${action.id} of its droplet ended with an error.`);
      }
      if (image?.status === 'deleted' || image?.status === 'retired') {
        throw failed(name, `The image ${image.id} is ${image.status}.`);
      }
      return image?.status === 'available' ? image : undefined;
    },
    {
      clock: host.clock,
      timeoutMs: imageTimeoutMs,
      intervalMs: firstIntervalMs,
      intervalMaxMs,
      signal,
      code: 'timeout',
      what: `the snapshot of "${name}" to be available`,
    },
  );
}

function failed(name: string, why: string): MachineError {
  return new MachineError('cloud-refused', `DigitalOcean could not make the image of "${name}".`, { why });
}
