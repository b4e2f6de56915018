import { isMachineError } from '../../core/errors.ts';
import { isImageName } from '../../drivers/images.ts';
import { loadDriver } from '../../drivers/registry.ts';
import { lookoutOfFlags } from '../garbage/places.ts';
import { readStoreId } from '../provider-material.ts';
import type { CreateRequest } from '../request.ts';
import type { Session } from '../session.ts';
import { imagesIn } from './images.ts';

/**
 * A request in which the image flag of the driver names an image that this store has baked, with the image's id in its place;
 * any other one as it is. What cannot be asked is left to the checks of the driver.
 */
export async function withBakedImage(session: Session, request: CreateRequest): Promise<CreateRequest> {
  const { flagValues, driverName, secrets = {} } = request;
  const driver = await loadDriver(driverName, session);
  const { imageFlags, flags } = driver.manifest;
  const name = imageFlags === undefined ? undefined : flagValues[imageFlags.name];
  const isOwn =
    typeof name === 'string' &&
    isImageName(name) &&
    name !== flags.find((flag) => flag.name === imageFlags?.name)?.default;
  if (imageFlags === undefined || !isOwn || (await readStoreId(session)) === undefined) {
    return request;
  }
  const found = await imagesOf(async () => {
    // The place does not depend on it, but a flag that takes ids only would refuse the name.
    const isForIds = imageFlags.id === undefined;
    const elsewhere = isForIds
      ? { ...flagValues, [imageFlags.name]: flagDefault(imageFlags.name) }
      : flagValues;
    return imagesIn(session, lookoutOfFlags(session, driver, { flags: elsewhere, secrets }));
  });
  const image = found.findLast((each) => each.isFinished && each.name === name);
  if (image === undefined) {
    return request;
  }
  session.emit({ type: 'note', message: `The image ${name} is ${image.id}.` });
  const { id = imageFlags.name } = imageFlags;
  const isNumber = flags.find((flag) => flag.name === id)?.type === 'int';
  return {
    ...request,
    flagValues: {
      ...flagValues,
      [imageFlags.name]: flagDefault(imageFlags.name),
      [id]: isNumber ? Number(image.id) : image.id,
    },
  };

  function flagDefault(flagName: string): CreateRequest['flagValues'][string] {
    return flags.find((flag) => flag.name === flagName)?.default;
  }
}

async function imagesOf<T>(ask: () => Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await ask();
  } catch (error) {
    if (isMachineError(error) && error.code !== 'bug') {
      return [];
    }
    throw error;
  }
}
