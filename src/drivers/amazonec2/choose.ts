import { MachineError } from '../../core/errors.ts';
import {
  imagesOf,
  instanceTypesOf,
  subnetsOf,
  vpcsOf,
  type Image,
  type InstanceType,
  type Subnet,
  type Vpc,
} from './api/answers.ts';
import type { Ec2Config } from './config.ts';
import { isMissing, type Ec2 } from './api/ec2.ts';

/** What EC2 offers for what was asked: VPC, subnet, type, image. Nothing is pinned; all of it is looked up at create. */

/** Where an instance is to be. */
export interface Place {
  readonly vpc: Vpc;
  readonly subnet: Subnet;
}

/**
 * The VPC and a subnet in it: those that were given, else the default VPC and the subnet of the zone.
 * @throws MachineError `cloud-refused` in docker-machine's words.
 */
export async function choosePlace(ec2: Ec2, config: Ec2Config): Promise<Place> {
  if (config.subnetId !== '') {
    return placeOfSubnet(ec2, config);
  }
  const vpc = await chooseVpc(ec2, config.vpcId);
  const zone = `${config.region}${config.zone}`;
  const filters = [
    filter('vpc-id', vpc.id),
    ...(config.zone === '' ? [] : [filter('availability-zone', zone)]),
  ];
  const subnets = await ec2.offers.list('DescribeSubnets', { Filter: filters }, subnetsOf);
  const subnet = subnets.find(({ isDefaultForZone }) => isDefaultForZone) ?? subnets[0];
  if (subnet === undefined) {
    throw refused(
      `unable to find a subnet that is both in the zone ${zone} and belonging to VPC ID ${vpc.id}`,
      'Name a zone with --amazonec2-zone, or a subnet with --amazonec2-subnet-id.',
    );
  }
  return { vpc, subnet };
}

async function placeOfSubnet(ec2: Ec2, { subnetId, vpcId }: Ec2Config): Promise<Place> {
  const [subnet] = await ec2.offers
    .list('DescribeSubnets', { SubnetId: [subnetId] }, subnetsOf)
    .catch((error: unknown) => {
      if (isMissing(error)) {
        return [];
      }
      throw error;
    });
  if (subnet === undefined) {
    throw refused(
      "The desired subnet could not be located in this region. Is '--amazonec2-subnet-id' or AWS_SUBNET_ID configured correctly?",
    );
  }
  if (vpcId !== '' && subnet.vpcId !== vpcId) {
    throw refused(`SubnetId: ${subnetId} does not belong to VpcId: ${vpcId}`);
  }
  return { vpc: await chooseVpc(ec2, subnet.vpcId), subnet };
}

async function chooseVpc(ec2: Ec2, vpcId: string): Promise<Vpc> {
  const wanted = vpcId === '' ? { Filter: [filter('is-default', 'true')] } : { VpcId: [vpcId] };
  const [vpc] = await ec2.offers.list('DescribeVpcs', wanted, vpcsOf);
  if (vpc === undefined) {
    throw refused(
      'amazonec2 driver requires either the --amazonec2-subnet-id or --amazonec2-vpc-id option or an AWS Account with a default vpc-id',
    );
  }
  return vpc;
}

/** Canonical's accounts: of the ordinary regions, of China and of GovCloud. */
function publisherOf(region: string): string {
  if (region.startsWith('cn-')) {
    return '837727238323';
  }
  return region.startsWith('us-gov-') ? '513442679011' : '099720109477';
}

/**
 * The image: the one that was given, else the newest Ubuntu 24.04 LTS for the architecture of the instance type.
 * @throws MachineError `cloud-refused` when there is none, or the type is not known.
 */
export async function chooseImage(ec2: Ec2, config: Ec2Config): Promise<Image> {
  const [type] = await ec2.offers.list(
    'DescribeInstanceTypes',
    { InstanceType: [config.instanceType] },
    instanceTypesOf,
  );
  if (type === undefined) {
    throw refused(`There is no instance type ${config.instanceType} in ${config.region}.`);
  }
  if (config.image !== '') {
    const [image] = imagesOf(await ec2.offers.call('DescribeImages', { ImageId: [config.image] }));
    return image === undefined ? nowhere(config) : fitting(image, type);
  }
  const architecture = type.architectures.includes('arm64') ? 'arm64' : 'amd64';
  const answer = await ec2.offers.call('DescribeImages', {
    Owner: [publisherOf(config.region)],
    Filter: [
      filter('name', ...imageNames(architecture)),
      filter('state', 'available'),
      filter('virtualization-type', 'hvm'),
    ],
  });
  return newestImage(imagesOf(answer)) ?? nowhere(config);
}

/** @throws MachineError `cloud-refused` for an image of another architecture than the type has. */
function fitting(image: Image, { name, architectures }: InstanceType): Image {
  if (image.architecture === '' || architectures.length === 0 || architectures.includes(image.architecture)) {
    return image;
  }
  throw refused(
    `The image ${image.id} is for ${image.architecture}, and instances of the type ${name} are ${architectures.join(' or ')}.`,
    'Name a type of the same architecture with --amazonec2-instance-type, or another image.',
  );
}

function imageNames(architecture: string): readonly [string, ...string[]] {
  const name = (store: string): string =>
    `ubuntu/images/${store}/ubuntu-noble-24.04-${architecture}-server-*`;
  return [name('hvm-ssd-gp3'), name('hvm-ssd')];
}

/** The one that was made last; of two of the same moment always the same. */
export function newestImage<T extends Pick<Image, 'created' | 'name'>>(images: readonly T[]): T | undefined {
  return [...images].sort((a, b) => b.created.localeCompare(a.created) || b.name.localeCompare(a.name))[0];
}

/** A filter of a list. */
export function filter(
  name: string,
  ...values: readonly [string, ...string[]]
): {
  readonly Name: string;
  readonly Value: readonly string[];
} {
  return { Name: name, Value: values };
}

function nowhere({ image, region }: Ec2Config): never {
  throw refused(
    image === ''
      ? `No image of Ubuntu 24.04 was found in ${region}.`
      : `There is no image ${image} in ${region}.`,
    'Name one with --amazonec2-ami.',
  );
}

function refused(message: string, remedy?: string): MachineError {
  return new MachineError('cloud-refused', message, {
    ...(remedy === undefined ? {} : { remedies: [remedy] }),
  });
}
