import { unlessMissing } from '../../cloud/json-api.ts';
import { numberField } from '../../cloud/json-fields.ts';
import { MachineError } from '../../core/errors.ts';
import {
  accountOf,
  imageOf,
  regionOf,
  sizeOf,
  vpcOf,
  type Account,
  type Image,
  type Region,
  type Vpc,
} from './answers.ts';
import type { DigitalOcean } from './api.ts';
import type { DropletConfig } from './config.ts';

/** What DigitalOcean offers for what was asked. Nothing is pinned; all of it is looked up at create. */

/** The account that the token is of; undefined when the token may not see it. */
export async function findAccount(api: DigitalOcean): Promise<Account | undefined> {
  return unlessForbidden(() =>
    api.one({ method: 'GET', path: '/account', isOffer: true }, 'account', accountOf),
  );
}

/** How many droplets there are, of all; undefined when the token may not see them. */
export async function countDroplets(api: DigitalOcean): Promise<number | undefined> {
  const request = { method: 'GET', path: '/droplets', query: { per_page: 1 } } as const;
  return unlessForbidden(async () => numberField(await api.call(request), 'meta', 'total'));
}

async function unlessForbidden<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    // Tokens can have narrow rights; one that is not valid at all is another status.
    if (error instanceof MachineError && error.facts['status'] === 403) {
      return undefined;
    }
    throw error;
  }
}

/** The region, which has the size. @throws MachineError `cloud-refused`, also in docker-machine's words. */
export async function chooseRegion(api: DigitalOcean, config: DropletConfig): Promise<Region> {
  const regions = await api.list('/regions', { key: 'regions', isOffer: true, read: regionOf });
  const region = regions.find(({ slug, isAvailable }) => slug === config.region && isAvailable);
  if (region === undefined) {
    const open = regions.filter(({ isAvailable }) => isAvailable).map(({ slug }) => slug);
    throw refused('digitalocean requires a valid region', {
      why: `New droplets are taken in: ${open.sort().join(', ')}; not in ${config.region}.`,
      remedy: 'Name one with --digitalocean-region.',
    });
  }
  const { sizes } = region;
  if (sizes.length > 0 && !sizes.includes(config.size)) {
    throw refused(`There are no droplets of the size ${config.size} in ${region.slug}.`, {
      why: `There are: ${sizes.slice(0, 20).join(', ')}${sizes.length > 20 ? ' and others' : ''}.`,
      remedy: 'Name one with --digitalocean-size, or another region with --digitalocean-region.',
    });
  }
  return region;
}

/**
 * The image: the one that was given, else the newest Ubuntu LTS of the region.
 * @throws MachineError `cloud-refused` when there is none.
 */
export async function chooseImage(api: DigitalOcean, config: DropletConfig): Promise<Image> {
  const { image: wanted, region } = config;
  const remedy = 'Name one with --digitalocean-image.';
  if (wanted === '') {
    const query = { type: 'distribution' };
    const images = await api.list('/images', { key: 'images', query, isOffer: true, read: imageOf });
    const newest = newestLts(images, region);
    if (newest === undefined) {
      throw refused(`No image of an Ubuntu LTS was found in ${region}.`, { remedy });
    }
    return newest;
  }
  const path = `/images/${encodeURIComponent(wanted)}`;
  const image = await unlessMissing(() => api.one({ method: 'GET', path }, 'image', imageOf));
  if (image === undefined) {
    throw refused(`There is no image ${wanted}.`, { remedy });
  }
  if (image.regions.length > 0 && !image.regions.includes(region)) {
    throw refused(`The image ${wanted} is not in ${region}.`, {
      why: `It is in: ${image.regions.join(', ')}.`,
      remedy,
    });
  }
  await requireDisk(api, config, image);
  return image;
}

/** A snapshot goes onto no disk that is smaller than the one that it was made of. @throws MachineError `cloud-refused`. */
async function requireDisk(api: DigitalOcean, { size }: DropletConfig, image: Image): Promise<void> {
  const { id, slug, diskGb } = image;
  // The public ones are small enough for every size.
  if (slug !== '' || diskGb === undefined) {
    return;
  }
  const sizes = await unlessForbidden(async () =>
    api.list('/sizes', { key: 'sizes', isOffer: true, read: sizeOf }),
  );
  const disk = sizes?.find((each) => each.slug === size)?.diskGb;
  if (disk !== undefined && disk < diskGb) {
    throw refused(`The image ${id} is too large for droplets of the size ${size}.`, {
      why: `It needs a disk of ${diskGb} GB, and theirs have ${disk} GB.`,
      remedy:
        'Name a larger one with --digitalocean-size, or make the image of a machine with a smaller disk.',
    });
  }
}

/** Of the releases of even years in April the last one that the region has. */
export function newestLts(images: readonly Image[], region: string): Image | undefined {
  const yearOf = ({ slug }: Image): number => Number(/^ubuntu-(\d\d)-04-x64$/.exec(slug)?.[1] ?? Number.NaN);
  return images
    .filter(
      (image) => yearOf(image) % 2 === 0 && image.status === 'available' && image.regions.includes(region),
    )
    .sort((one, other) => yearOf(other) - yearOf(one))[0];
}

/** The VPC that was given, or the default one of the region if there is one already. @throws MachineError `cloud-refused`. */
export async function findVpc(
  api: DigitalOcean,
  { region, vpc: wanted }: { readonly region: string; readonly vpc: string },
): Promise<Vpc | undefined> {
  if (wanted === '') {
    const vpcs = await api.list('/vpcs', { key: 'vpcs', isOffer: true, read: vpcOf });
    return vpcs.find((vpc) => vpc.isDefault && vpc.region === region);
  }
  const found = await unlessMissing(() => api.one({ method: 'GET', path: `/vpcs/${wanted}` }, 'vpc', vpcOf));
  if (found === undefined || found.region !== region) {
    throw refused(
      found === undefined
        ? `There is no VPC ${wanted}.`
        : `The VPC ${wanted} is in ${found.region}, not in ${region}.`,
      { remedy: 'Name one with --digitalocean-vpc.' },
    );
  }
  return found;
}

function refused(
  message: string,
  { why, remedy }: { readonly why?: string; readonly remedy: string },
): MachineError {
  return new MachineError('cloud-refused', message, {
    ...(why === undefined ? {} : { why }),
    remedies: [remedy],
  });
}
