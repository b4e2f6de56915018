import { isIPv4 } from 'node:net';
import { field, listField, numberField, textField } from '../../cloud/json-fields.ts';
import { MachineError } from '../../core/errors.ts';
import { imageOf, type Image } from './api/answers.ts';
import type { Google } from './api/google.ts';
import type { GoogleConfig } from './config.ts';
import { lastPart, pathOf, projectOf, regionOf, regionPath, zonePath } from './names.ts';

/** What Google offers for what was asked: type, image, network. Nothing is pinned; all of it is looked up at create. */

/** Where and of what an instance is to be made. */
export interface Choice {
  readonly image: Image;
  readonly cpuCount: number;
  readonly networkPath: string;
  /** Empty for the one that Google takes. */
  readonly subnetworkPath: string;
  /** Empty for one of the moment. */
  readonly externalAddress: string;
}

/** @throws MachineError `cloud-refused` when something is not there, or does not fit. */
export async function choose(google: Google, config: GoogleConfig): Promise<Choice> {
  const type = await findType(google, config);
  const image = await chooseImage(google, config, type.architecture);
  return {
    image,
    cpuCount: type.cpuCount,
    ...(await chooseNetwork(google, config)),
    externalAddress: await chooseAddress(google, config),
  };
}

/** Families of ARM for types that do not say their architecture. */
const armFamilies = /^(?:t2a|c4a|n4a|a4x)-/;

async function findType(
  google: Google,
  config: GoogleConfig,
): Promise<{ readonly architecture: string; readonly cpuCount: number }> {
  const { machineType, zone, project } = config;
  const found = await google.find(`${zonePath(config)}/machineTypes/${machineType}`);
  if (found === undefined) {
    throw refused(
      `There is no machine type ${machineType} in the zone ${zone} of the project ${project}.`,
      'Name others with --google-machine-type and --google-zone.',
    );
  }
  const byName = armFamilies.test(machineType) ? 'ARM64' : 'X86_64';
  return {
    architecture: textField(found, 'architecture') ?? byName,
    cpuCount: numberField(found, 'guestCpus') ?? 1,
  };
}

/** The image that was given, else the newest Ubuntu 24.04 LTS: a family is always its newest image. */
async function chooseImage(google: Google, config: GoogleConfig, architecture: string): Promise<Image> {
  const family = `ubuntu-2404-lts-${architecture === 'ARM64' ? 'arm64' : 'amd64'}`;
  const path = config.image === '' ? `ubuntu-os-cloud/global/images/family/${family}` : config.image;
  const image = imageOf(await google.find(`projects/${path.replace(/^projects\//, '')}`));
  if (image === undefined) {
    throw refused(`There is no image ${path}.`, 'Name one with --google-machine-image.');
  }
  if (image.architecture !== undefined && image.architecture !== architecture) {
    throw refused(
      `The image ${image.name} is of ${image.architecture}, the machine type ${config.machineType} of ${architecture}.`,
      'Take an image of the same architecture, or leave --google-machine-image out.',
    );
  }
  return image;
}

/** A name or path as a path. */
function asPath(value: string, kind: string, place: string): string {
  return value.includes(`/${kind}/`) ? pathOf(value) : `${place}/${kind}/${lastPart(value)}`;
}

async function chooseNetwork(
  google: Google,
  config: GoogleConfig,
): Promise<Pick<Choice, 'networkPath' | 'subnetworkPath'>> {
  const { subnetwork, network, project, zone } = config;
  if (subnetwork !== '') {
    const subnetworkPath = asPath(subnetwork, 'subnetworks', regionPath(config));
    const found = textField(await google.find(subnetworkPath), 'network');
    if (found === undefined) {
      throw refused(`There is no subnetwork ${subnetworkPath}.`, 'Name one with --google-subnetwork.');
    }
    return { networkPath: pathOf(found), subnetworkPath };
  }
  const networkPath = asPath(network, 'networks', `projects/${project}/global`);
  const found = await google.find(networkPath);
  if (found === undefined) {
    throw refused(`There is no network ${networkPath}.`, 'Name one with --google-network.');
  }
  if (field(found, 'autoCreateSubnetworks') !== false) {
    return { networkPath, subnetworkPath: '' };
  }
  // Google itself takes none of a network whose subnetworks were made by hand.
  const region = regionOf(zone);
  const inRegion = listField(found, 'subnetworks').find(
    (url): url is string => typeof url === 'string' && url.includes(`/regions/${region}/`),
  );
  if (inRegion === undefined) {
    throw refused(
      `The network ${networkPath} has no subnetwork in the region ${region}.`,
      'Name another zone with --google-zone, or another network with --google-network.',
    );
  }
  return { networkPath, subnetworkPath: pathOf(inRegion) };
}

async function chooseAddress(google: Google, config: GoogleConfig): Promise<string> {
  const { staticAddress } = config;
  if (staticAddress === '' || isIPv4(staticAddress)) {
    return staticAddress;
  }
  const name = lastPart(staticAddress);
  const address = textField(await google.find(`${regionPath(config)}/addresses/${name}`), 'address');
  if (address === undefined || !isIPv4(address)) {
    throw refused(
      `There is no static address ${name} in the region ${regionOf(config.zone)}.`,
      `Reserve it: gcloud compute addresses create ${name} --region ${regionOf(config.zone)}`,
    );
  }
  return address;
}

/** The project of a network, in which its firewall rules are: another one for a shared network. */
export function projectOfNetwork(networkPath: string, { project }: GoogleConfig): string {
  return projectOf(networkPath) ?? project;
}

function refused(message: string, remedy: string): MachineError {
  return new MachineError('cloud-refused', message, { remedies: [remedy] });
}
