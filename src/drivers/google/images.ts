import { cloudStatus } from '../../cloud/json-api.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import type { BakedImage, ImageMaker, ImageOrder } from '../images.ts';
import { imageOf, type Image } from './api/answers.ts';
import { isMissing, isPresent, openGoogle, type Google } from './api/google.ts';
import { lacksCloudInit } from './cloud-init.ts';
import type { GoogleConfig } from './config.ts';
import { finishedLabel, marksOfImage, readImageMarks } from './labels.ts';
import { diskName, zonePath } from './names.ts';
import { accessOfCheck, openWorld, type GoogleContext, type GoogleWorld } from './world.ts';

/** Images of the disks of instances. Their name has the machine in it, so there is one of a machine. */

const imageTimeoutMs = 30 * 60_000;
const unsettledTimeoutMs = 10 * 60_000;
const firstIntervalMs = 5_000;
const intervalMaxMs = 30_000;

const markAttemptsMax = 5;

type Waiting = Pick<GoogleContext, 'host' | 'signal'>;

export const googleImages: ImageMaker<GoogleConfig> = {
  requirePossible: async ({ config }) => {
    if (config.isExisting) {
      throw new MachineError('capability-missing', 'No image is made of an instance that was there before.', {
        why: 'It would lose its keys, and stays (--google-use-existing).',
      });
    }
  },
  make: async (context, order) => {
    const world = await openWorld(context);
    const path = await pathOfImage(context, world, order);
    if ((await findOwn(world, path)) === undefined) {
      await insert(context, world, { order, path });
    }
    await markFinished(context, world.google, path);
  },
  list: async (context, storeId) => listImages(openGoogle(accessOfCheck(context)), context.config, storeId),
  remove: async (context, image) => deleteImage(context, openGoogle(accessOfCheck(context)), image),
};

/** Images of a store, also those that are not finished. */
export async function listImages(
  google: Google,
  config: GoogleConfig,
  storeId: string,
): Promise<readonly BakedImage[]> {
  return (await findImages(google, config.project, { key: ownerTags.owner, value: storeId })).map(toBaked);
}

/** One that is gone already is success, and so is one that was made of another machine by now. */
export async function deleteImage(
  waiting: Waiting,
  google: Google,
  { id, machineId }: Pick<BakedImage, 'id' | 'machineId'>,
): Promise<void> {
  const path = `projects/${id}`;
  const [image] = await settled(waiting, async () =>
    [imageOf(await google.find(path))].filter((each) => each !== undefined),
  );
  if (image === undefined || (machineId !== undefined && image.labels[ownerTags.machine] !== machineId)) {
    return;
  }
  try {
    await google.change({ method: 'DELETE', path });
  } catch (error) {
    if (!isMissing(error)) {
      throw error;
    }
  }
}

/**
 * Waits until no image is being made of a machine any more: as long as one is, its disk cannot be removed.
 * @throws MachineError `timeout`.
 */
export async function settleImages(
  waiting: Waiting,
  google: Google,
  { project, machineId }: { readonly project: string; readonly machineId: string },
): Promise<void> {
  await settled(waiting, async () =>
    findImages(google, project, { key: ownerTags.machine, value: machineId }),
  );
}

function toBaked({ path, status, architecture, sizeGb, labels, description }: Image): BakedImage {
  const marks = readImageMarks(labels, description);
  return {
    id: path,
    place: '',
    ...marks,
    isFinished: marks.isFinished && status === 'READY',
    ...(architecture === 'X86_64' ? { architecture: 'amd64' } : {}),
    ...(architecture === 'ARM64' ? { architecture: 'arm64' } : {}),
    ...(sizeGb === 0 ? {} : { diskGiB: sizeGb }),
  };
}

async function findImages(
  google: Google,
  project: string,
  { key, value }: { readonly key: string; readonly value: string },
): Promise<readonly Image[]> {
  const found = await google.list(`projects/${project}/global/images`, { filter: `labels.${key}=${value}` });
  return found.flatMap((each) => imageOf(each) ?? []);
}

async function pathOfImage(
  { config }: GoogleContext,
  { provider }: GoogleWorld,
  { name }: ImageOrder,
): Promise<string> {
  const { machineId } = await provider.ownership();
  return `projects/${config.project}/global/images/${name}-${machineId.slice(0, 8)}`;
}

/** @throws MachineError `cloud-conflict` when somebody else's image has the name. */
async function findOwn({ google, provider }: GoogleWorld, path: string): Promise<Image | undefined> {
  const image = imageOf(await google.find(path));
  const { machineId } = await provider.ownership();
  if (image !== undefined && image.labels[ownerTags.machine] !== machineId) {
    throw new MachineError('cloud-conflict', `There is an image ${image.path} already.`, {
      why: 'It was not made of this machine.',
    });
  }
  return image;
}

async function insert(
  { config, host, name }: GoogleContext,
  world: GoogleWorld,
  { order, path }: { readonly order: ImageOrder; readonly path: string },
): Promise<void> {
  const { google, provider, state } = world;
  const marks = marksOfImage(await provider.ownership(), order, {
    nowMs: host.clock.nowMs(),
    lacksCloudInit: lacksCloudInit(config, state),
  });
  const at = path.lastIndexOf('/');
  const body = {
    name: path.slice(at + 1),
    ...marks,
    sourceDisk: `${zonePath(config)}/disks/${diskName(name)}`,
  };
  const timeoutMs = imageTimeoutMs;
  try {
    await google.change({ method: 'POST', path: path.slice(0, at), body, timeoutMs });
  } catch (error) {
    if (!isPresent(error) || (await findOwn(world, path)) === undefined) {
      throw error;
    }
  }
}

/** Also an image that an earlier attempt began. */
async function waitUntilReady({ host, signal }: Waiting, google: Google, path: string): Promise<Image> {
  return waitFor(
    async () => {
      const image = imageOf(await google.find(path));
      if (image?.status !== 'READY' && image?.status !== 'PENDING') {
        throw new MachineError('cloud-refused', `Google could not make the image ${path}.`, {
          why: image === undefined ? 'It is gone.' : `It is ${image.status}.`,
        });
      }
      return image.status === 'READY' ? image : undefined;
    },
    {
      clock: host.clock,
      timeoutMs: imageTimeoutMs,
      intervalMs: firstIntervalMs,
      intervalMaxMs,
      signal,
      code: 'timeout',
      what: `the image ${path} to be ready`,
    },
  );
}

/**
 * All labels are written anew, so none may be left out. Google refuses it (412) when they are others by now: because somebody
 * else was quicker, or because the answer to an earlier sending was lost.
 */
async function markFinished(waiting: Waiting, google: Google, path: string): Promise<void> {
  const { host, signal } = waiting;
  for (let attempt = 1; ; attempt += 1) {
    const image = await waitUntilReady(waiting, google, path);
    if (toBaked(image).isFinished) {
      return;
    }
    const labels = { ...image.labels, ...finishedLabel(host.clock.nowMs()) };
    const body = { labelFingerprint: image.labelFingerprint, labels };
    try {
      await google.change({ method: 'POST', path: `${path}/setLabels`, body, hasNoId: true });
      return;
    } catch (error) {
      if (cloudStatus(error) !== 412 || attempt === markAttemptsMax) {
        throw error;
      }
      await host.clock.sleep(firstIntervalMs, signal);
    }
  }
}

/** Google neither removes an image that is being made, nor what it is made of. */
async function settled(
  { host, signal }: Waiting,
  find: () => Promise<readonly Image[]>,
): Promise<readonly Image[]> {
  return waitFor(
    async () => {
      const images = await find();
      return images.some(({ status }) => status === 'PENDING' || status === 'DELETING') ? undefined : images;
    },
    {
      clock: host.clock,
      timeoutMs: unsettledTimeoutMs,
      intervalMs: firstIntervalMs,
      intervalMaxMs,
      signal,
      code: 'timeout',
      what: 'Google to end what it does with an image of the machine',
    },
  );
}
