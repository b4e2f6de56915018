import { findSurely } from '../cloud/certain.ts';
import type { CheckContext, DriverContext } from './driver.ts';
import type { OwnedResource } from './owned.ts';

/** Images that a driver makes of machines at its provider, with an engine inside. */

/** What an image is to be called, and what is in it. */
export interface ImageOrder {
  /** See `isImageName`. */
  readonly name: string;
  /** `Ubuntu 24.04.2 LTS`. */
  readonly system: string;
  readonly engineVersion: string;
}

/** An image that carries the mark of a store. */
export interface BakedImage {
  /** The provider's, as the flag takes it that names an image. */
  readonly id: string;
  readonly name: string;
  /** Region, for people; empty where there is none. */
  readonly place: string;
  /** True when it can be used: its making came to its end. Only then it is nobody's rest. */
  readonly isFinished: boolean;
  /** UUID of the machine that it was made of. */
  readonly machineId?: string;
  readonly system?: string;
  readonly engineVersion?: string;
  readonly architecture?: 'amd64' | 'arm64';
  /** Milliseconds since the epoch. */
  readonly createdMs?: number;
  /** Of the disk that is made of it, in GiB. */
  readonly diskGiB?: number;
}

/** How a driver makes images. */
export interface ImageMaker<Config> {
  /**
   * Asked before a machine is made for it. Left out where of every machine an image can be made.
   * @throws MachineError `capability-missing`, `cloud-refused`.
   */
  requirePossible?(context: CheckContext<Config>): Promise<void>;
  /**
   * Makes an image of a machine that is off, and marks it as finished when it can be used. May be called again after it was
   * interrupted at any point: one machine makes one image. Nothing of the machine is changed, but it may not be startable any
   * more.
   * @throws MachineError `timeout`, `cloud-refused`.
   */
  make(context: DriverContext<Config>, order: ImageOrder): Promise<void>;
  /** Everything that carries the mark of a store, also what is not finished. */
  list(context: CheckContext<Config>, storeId: string): Promise<readonly BakedImage[]>;
  /** Removes an image with all that it holds. What is gone already is success. */
  remove(context: CheckContext<Config>, image: Pick<BakedImage, 'id' | 'machineId'>): Promise<void>;
}

const imageName = /^(?!ami-)[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

/** True for a name that every provider takes, and none for an id of its own. */
export function isImageName(name: string): boolean {
  return imageName.test(name);
}

/**
 * Removes what there is of an image of a machine that was never finished; the request that makes it may have been sent a
 * moment ago. Finished ones stay.
 */
export async function removeUnfinished<Config>(
  maker: ImageMaker<Config>,
  context: CheckContext<Config>,
  { storeId, machineId }: { readonly storeId: string; readonly machineId: string },
): Promise<void> {
  const { host, signal } = context;
  const found = await findSurely(
    async () => (await maker.list(context, storeId)).filter((image) => image.machineId === machineId),
    { clock: host.clock, signal, mayBeThere: true },
  );
  for (const image of found.filter(({ isFinished }) => !isFinished)) {
    await maker.remove(context, image);
  }
}

/** Images that were never finished, as `listOwned` tells of them; finished ones are nobody's rest. */
export function unfinishedImages(images: readonly BakedImage[]): readonly OwnedResource[] {
  return images
    .filter(({ isFinished }) => !isFinished)
    .map(({ id, name, place, machineId, createdMs }) => ({
      ...{ kind: 'image', id, name, place },
      ...(machineId === undefined ? {} : { machineId }),
      ...(createdMs === undefined ? {} : { createdMs }),
    }));
}
