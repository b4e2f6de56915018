import { settleInParallel } from '../../core/in-parallel.ts';
import { MachineError } from '../../core/errors.ts';
import type { Driver } from '../../drivers/driver.ts';
import type { BakedImage, ImageMaker } from '../../drivers/images.ts';
import { driverNames, loadManifest } from '../../drivers/registry.ts';
import { placeKey } from '../../store/places.ts';
import { lookouts, type Lookout, type Problem, type Wanted } from '../garbage/places.ts';
import { readStoreId } from '../provider-material.ts';
import type { Session } from '../session.ts';

/** Images that this store has at providers. */

const atOnceMax = 8;

/** With the way to it. */
export interface FoundImage extends BakedImage {
  readonly lookout: Lookout;
}

/**
 * How a driver makes images.
 * @throws MachineError `capability-missing` with those that can.
 */
export async function requireImages(session: Session, driver: Driver): Promise<ImageMaker<unknown>> {
  if (driver.images !== undefined) {
    return driver.images();
  }
  const manifests = await Promise.all(driverNames.map(async (name) => loadManifest(name, session)));
  const able = manifests.filter(({ imageFlags }) => imageFlags !== undefined).map(({ name }) => name);
  throw new MachineError(
    'capability-missing',
    `The driver "${driver.manifest.name}" makes no images of machines.`,
    {
      why: 'It makes its machines at no provider that keeps images, or this is not built into it.',
      remedies: [`Drivers that can: ${able.join(', ')}. Name one: image bake -d DRIVER NAME`],
    },
  );
}

/** The images of the store in one place, also those that are not finished. */
export async function imagesIn(
  session: Session,
  { driver, context }: Lookout,
): Promise<readonly BakedImage[]> {
  const storeId = await readStoreId(session);
  // A store without an id has never made anything.
  return storeId === undefined || driver.images === undefined
    ? []
    : (await driver.images()).list(context, storeId);
}

/** The finished images in every place in which the store has made something. */
export async function findImages(
  session: Session,
  wanted: Wanted,
): Promise<{ readonly images: readonly FoundImage[]; readonly problems: readonly Problem[] }> {
  const { found, problems } = await lookouts(session, wanted);
  const places = found.filter(({ driver }) => driver.images !== undefined);
  const results = await settleInParallel(places, atOnceMax, async (lookout) => imagesIn(session, lookout));
  session.signal.throwIfAborted();
  // A place may have been looked at as several users, and may have been named in several ways: a project by its name and its id.
  const images = new Map<string, FoundImage>();
  const failed: Problem[] = [];
  for (const [index, lookout] of places.entries()) {
    const result = results[index];
    if (result?.status === 'rejected') {
      failed.push({ place: lookout.place, error: result.reason });
    }
    for (const image of result?.status === 'fulfilled' ? result.value : []) {
      if (image.isFinished) {
        const { place } = lookout;
        const key = JSON.stringify([place.driver, image.machineId ?? placeKey(place), image.id]);
        images.set(key, { ...image, lookout });
      }
    }
  }
  const sorted = [...images.values()].sort((a, b) => (a.createdMs ?? 0) - (b.createdMs ?? 0));
  return { images: sorted, problems: [...problems, ...failed] };
}

/** Removes one with all that it holds. */
export async function removeImage(session: Session, { lookout, ...image }: FoundImage): Promise<void> {
  const { driver, context } = lookout;
  await (await requireImages(session, driver)).remove(context, image);
}
