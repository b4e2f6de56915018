import { MachineError } from '../../core/errors.ts';
import { imageOf, sizesOf, usagesOf, type Size } from './api/answers.ts';
import type { Azure } from './api/azure.ts';
import { fullType, parseId, pathOfId, subscriptionPath } from './api/ids.ts';
import type { AzureConfig } from './config.ts';

/** What Azure offers for what was asked: size and image. Nothing is pinned; all of it is looked up at create. */

/** Azure makes images of virtual machines of this architecture only. */
export const imageArchitecture: Size['architecture'] = 'x64';

/** The name without blanks and in lower case: `West US` is `westus`. */
export function plainLocation(location: string): string {
  return location.replaceAll(' ', '').toLowerCase();
}

/**
 * The size that was asked for.
 * @throws MachineError `cloud-refused` when the region or the subscription does not have it.
 */
export async function chooseSize(azure: Azure, config: AzureConfig): Promise<Size> {
  const location = plainLocation(config.location);
  const items = await azure.list(
    `${subscriptionPath(config.subscriptionId)}/providers/Microsoft.Compute/skus`,
    {
      $filter: `location eq '${location}'`,
    },
  );
  const size = sizesOf(items).find(({ name }) => name.toLowerCase() === config.size.toLowerCase());
  if (size === undefined) {
    throw refused(
      `There is no size ${config.size} in ${location}.`,
      'Name another one with --azure-size, or another region with --azure-location.',
    );
  }
  if (size.restriction !== undefined) {
    throw refused(
      `This subscription cannot have the size ${size.name} in ${location} (${size.restriction}).`,
      'Name another one with --azure-size, or another region with --azure-location.',
    );
  }
  return size;
}

/** Canonical's images of Ubuntu 24.04 LTS, for an architecture and generation. */
function ubuntuFor({ architecture, generations }: Size): string {
  const sku =
    architecture === 'arm64' ? 'server-arm64' : generations.includes('V2') ? 'server' : 'server-gen1';
  return `canonical:ubuntu-24_04-lts:${sku}:latest`;
}

/**
 * The image: the one that was given, else the newest Ubuntu 24.04 LTS for the size. `latest` stays for Azure to take at
 * create.
 * @throws MachineError `cloud-refused` when there is none.
 */
export async function chooseImage(azure: Azure, config: AzureConfig, size: Size): Promise<string> {
  const image = config.image === '' ? ubuntuFor(size) : config.image;
  if (image.startsWith('/')) {
    if (parseId(image)?.type.toLowerCase() === fullType('images').toLowerCase()) {
      await requireFittingImage(azure, config, { id: image, size });
    }
    return image;
  }
  const [publisher = '', offer = '', sku = '', version = ''] = image.split(':');
  const place = `${subscriptionPath(config.subscriptionId)}/providers/Microsoft.Compute/locations/${plainLocation(config.location)}`;
  const path = `${place}/publishers/${publisher}/artifacttypes/vmimage/offers/${offer}/skus/${sku}/versions`;
  const isLatest = version.toLowerCase() === 'latest';
  const found = isLatest
    ? await azure.get(path, { $top: '1', $orderby: 'name desc' })
    : await azure.get(`${path}/${version}`);
  // The list is itself the answer, not in an object.
  if (found === undefined || (Array.isArray(found) && found.length === 0)) {
    throw refused(`There is no image ${image} in ${config.location}.`, 'Name one with --azure-image.');
  }
  return image;
}

/** An image that was made of a virtual machine: Azure says only after minutes that a size does not take it. */
async function requireFittingImage(
  azure: Azure,
  config: AzureConfig,
  { id, size }: { readonly id: string; readonly size: Size },
): Promise<void> {
  const image = imageOf(await azure.get(pathOfId(id)));
  if (image === undefined) {
    throw refused(`There is no image ${id}.`, 'Name another one with --azure-image.');
  }
  const { name, location, generation, diskGiB } = image;
  if (plainLocation(location) !== plainLocation(config.location)) {
    throw refused(
      `The image ${name} is in ${location}, the machine is to be in ${config.location}.`,
      `Make the machine there with --azure-location, or another image here.`,
    );
  }
  if (size.architecture !== imageArchitecture) {
    throw refused(
      `The image ${name} is of another architecture than the size ${size.name}.`,
      'Name another size with --azure-size.',
    );
  }
  if (generation !== undefined && !size.generations.includes(generation)) {
    throw refused(
      `The size ${size.name} takes no image of generation ${generation}, as ${name} is.`,
      'Name another size with --azure-size.',
    );
  }
  if (diskGiB !== undefined && diskGiB > config.diskSizeGiB) {
    throw refused(
      `A disk of ${config.diskSizeGiB} GB is too small for the image ${name}.`,
      `Ask for a larger one: --azure-disk-size ${diskGiB}`,
    );
  }
}

/** What of the subscription's quota would be too little for one more machine; undefined when nothing is. */
export async function quotaProblem(
  azure: Azure,
  config: AzureConfig,
  size: Size,
): Promise<string | undefined> {
  const place = `${subscriptionPath(config.subscriptionId)}/providers/Microsoft.Compute/locations/${plainLocation(config.location)}`;
  const usages = usagesOf(await azure.list(`${place}/usages`));
  const needed = new Map([
    ['virtualmachines', 1],
    ['cores', size.processorCount],
    [size.family.toLowerCase(), size.processorCount],
  ]);
  const short = usages.find(
    ({ name, used, limit }) =>
      used + (needed.get(name.toLowerCase()) ?? 0) > limit && needed.has(name.toLowerCase()),
  );
  return short === undefined
    ? undefined
    : `The quota of the subscription in ${config.location} is used up: ${short.title}, ${short.used} of ${short.limit}.`;
}

function refused(message: string, remedy: string): MachineError {
  return new MachineError('cloud-refused', message, { remedies: [remedy] });
}
