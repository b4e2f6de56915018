import { MachineError } from '../../core/errors.ts';
import { sizesOf, usagesOf, type Size } from './api/answers.ts';
import type { Azure } from './api/azure.ts';
import { subscriptionPath } from './api/ids.ts';
import type { AzureConfig } from './config.ts';

/** What Azure offers for what was asked: size and image. Nothing is pinned; all of it is looked up at create. */

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
function ubuntuFor({ architecture, isSecondGeneration }: Size): string {
  const sku = architecture === 'arm64' ? 'server-arm64' : isSecondGeneration ? 'server' : 'server-gen1';
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
