import { MachineError } from '../../core/errors.ts';
import type { Image, ServerType, TypeLocation } from './api/answers.ts';
import type { HetznerConfig } from './config.ts';

/** Which of the types and images that there are. Pure. */

/** A type, and where. */
export interface TypeChoice {
  readonly type: ServerType;
  /** Empty: Hetzner chooses. */
  readonly location: string;
  /** Hetzner has announced that it will not be offered any more. */
  readonly isLeaving: boolean;
}

const usualType = 'cx23';
const usualImage = 'ubuntu-24.04';
/** An engine with less is no pleasure. */
const memoryMinGb = 2;
/** LTS are those of April of even years. */
const ltsName = /^ubuntu-(\d[02468])\.04$/;

type Wanted = Pick<HetznerConfig, 'type' | 'location' | 'imageArch'>;

/**
 * The type that was asked for, if it is to be had there; else cx23, or the cheapest one that is.
 * @throws MachineError `cloud-refused`.
 */
export function chooseType(types: readonly ServerType[], wanted: Wanted, nowMs: number): TypeChoice {
  return wanted.type === '' ? cheapest(types, wanted) : requireOffered(types, wanted, nowMs);
}

function requireOffered(
  types: readonly ServerType[],
  { type: name, location }: Wanted,
  nowMs: number,
): TypeChoice {
  const type = types.find((each) => each.name === name);
  if (type === undefined) {
    throw refused(`There is no server type ${name}.`, 'Name one with --hetzner-server-type.');
  }
  const places = type.locations.filter(
    ({ unavailableAfterMs }) => unavailableAfterMs === undefined || unavailableAfterMs > nowMs,
  );
  const fitting = places.filter((place) => location === '' || place.name === location);
  if (fitting.length === 0) {
    const where = location === '' ? '' : ` in ${location}`;
    const others = places.map((place) => place.name).join(', ');
    throw refused(
      `The server type ${name} is not to be had${where}.`,
      others === '' ? 'Name another type with --hetzner-server-type.' : `It is to be had in: ${others}.`,
    );
  }
  return { type, location, isLeaving: fitting.every(({ isDeprecated }) => isDeprecated) };
}

function cheapest(types: readonly ServerType[], { location, imageArch }: Wanted): TypeChoice {
  const architecture = imageArch === '' ? 'x86' : imageArch;
  const offers = types
    .filter((type) => type.architecture === architecture && type.memoryGb >= memoryMinGb)
    .flatMap((type) => type.locations.map((place) => ({ type, place })))
    .filter(({ place }) => !place.isDeprecated && (location === '' || place.name === location))
    .sort(
      (one, other) =>
        rank(one) - rank(other) ||
        one.place.monthlyPrice - other.place.monthlyPrice ||
        one.type.name.localeCompare(other.type.name),
    );
  const best = offers[0];
  if (best === undefined) {
    throw refused(
      `No server type of ${architecture} is to be had${location === '' ? '' : ` in ${location}`}.`,
      'Name another location with --hetzner-server-location.',
    );
  }
  // cx23 is in every location that Hetzner would choose; others are only where they are.
  return {
    type: best.type,
    location: location === '' && best.type.name !== usualType ? best.place.name : location,
    isLeaving: false,
  };
}

/** The usual one first, then those that share their processors, for they cost less. */
function rank({ type }: { readonly type: ServerType; readonly place: TypeLocation }): number {
  if (type.name === usualType) {
    return 0;
  }
  return type.isShared ? 1 : 2;
}

/**
 * The image that was asked for; else Ubuntu 24.04, or the newest LTS where that is not offered any more.
 * @throws MachineError `cloud-refused`.
 */
export function chooseImage(
  images: readonly Image[],
  { image: name, imageId }: Pick<HetznerConfig, 'image' | 'imageId'>,
  architecture: string,
): Image {
  const fitting = images.filter((image) => image.architecture === architecture);
  if (imageId !== 0 && images.length > 0 && fitting.length === 0) {
    throw refused(
      `The image ${imageId} is of ${images[0]?.architecture ?? ''}, and the server type of ${architecture}.`,
      'Name another type with --hetzner-server-type.',
    );
  }
  const found =
    name === '' && imageId === 0
      ? (fitting.find((image) => image.name === usualImage && !image.isDeprecated) ?? newestLts(fitting))
      : (fitting.find(({ isDeprecated }) => !isDeprecated) ?? fitting[0]);
  if (found === undefined) {
    const what = imageId === 0 ? (name === '' ? 'of Ubuntu LTS' : name) : String(imageId);
    throw refused(`There is no image ${what} for ${architecture}.`, 'Name one with --hetzner-image.');
  }
  return found;
}

function newestLts(images: readonly Image[]): Image | undefined {
  return images
    .filter(({ name, isDeprecated }) => ltsName.test(name) && !isDeprecated)
    .sort((one, other) => other.name.localeCompare(one.name))[0];
}

function refused(message: string, remedy: string): MachineError {
  return new MachineError('cloud-refused', message, { remedies: [remedy] });
}
