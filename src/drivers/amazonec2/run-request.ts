import { MachineError } from '../../core/errors.ts';
import type { Ec2Config } from './config.ts';
import type { QueryParameters } from './api/query.ts';
import { tagSpecifications } from './tags.ts';

/** The one request that makes an instance, with everything in it. Pure. */

/** EC2's own bound of user data, before base64. */
/** Of user data, before it is encoded. */
export const userDataMaxBytes = 16_384;

/** What is not in the configuration. */
export interface RunDetails {
  readonly clientToken: string;
  readonly groupIds: readonly string[];
  readonly userData: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Smallest size of the root disk that the image takes, in GiB. */
  readonly imageSizeGiB?: number;
  readonly isSpot: boolean;
  /** The guest will power itself off when its time is over: then nothing is to be left. */
  readonly endsItself?: boolean;
}

/** Parameters of RunInstances. @throws MachineError `flag-invalid` for too much user data. */
export function runParameters(config: Ec2Config, details: RunDetails): QueryParameters {
  const { isSpot, tags } = details;
  const bytes = Buffer.from(details.userData);
  if (bytes.length > userDataMaxBytes) {
    throw new MachineError('flag-invalid', 'The user data is too long for EC2.', {
      why: `It has ${bytes.length} bytes together with what tsmachine adds; ${userDataMaxBytes} are allowed.`,
    });
  }
  const types = ['instance', 'volume', 'network-interface'] as const;
  return {
    ImageId: config.image,
    MinCount: 1,
    MaxCount: 1,
    InstanceType: config.instanceType,
    KeyName: config.keyName === '' ? undefined : config.keyName,
    ClientToken: details.clientToken,
    UserData: bytes.toString('base64'),
    EbsOptimized: config.isEbsOptimized ? true : undefined,
    Monitoring: config.isMonitored ? { Enabled: true } : undefined,
    IamInstanceProfile: profileParameter(config.instanceProfile),
    NetworkInterface: [networkInterface(config, details.groupIds)],
    BlockDeviceMapping: [rootDisk(config, details.imageSizeGiB ?? 0)],
    MetadataOptions: {
      HttpTokens: config.httpTokens === '' ? 'required' : config.httpTokens,
      // One hop: containers of a bridge network do not reach the credentials of the instance.
      HttpPutResponseHopLimit: 1,
      HttpEndpoint: config.httpEndpoint === '' ? undefined : config.httpEndpoint,
      HttpProtocolIpv6: config.httpProtocolIpv6 === 'enabled' ? 'enabled' : undefined,
    },
    InstanceMarketOptions: isSpot ? spotMarket(config) : undefined,
    InstanceInitiatedShutdownBehavior: details.endsItself === true ? 'terminate' : undefined,
    TagSpecification: tagSpecifications(isSpot ? [...types, 'spot-instances-request'] : types, tags),
  };
}

function profileParameter(profile: string): QueryParameters | undefined {
  if (profile === '') {
    return undefined;
  }
  return profile.startsWith('arn:') ? { Arn: profile } : { Name: profile };
}

function networkInterface(config: Ec2Config, groupIds: readonly string[]): QueryParameters {
  return {
    DeviceIndex: 0,
    SubnetId: config.subnetId,
    SecurityGroupId: groupIds,
    AssociatePublicIpAddress: !config.isPrivateOnly && !config.isIpv6Only,
    DeleteOnTermination: true,
    Ipv6AddressCount: config.ipv6AddressCount === 0 ? undefined : config.ipv6AddressCount,
    PrimaryIpv6: config.isIpv6Primary ? true : undefined,
  };
}

function rootDisk(config: Ec2Config, imageSizeGiB: number): QueryParameters {
  return {
    DeviceName: config.deviceName,
    Ebs: {
      VolumeSize: Math.max(config.rootSizeGiB, imageSizeGiB),
      VolumeType: config.volumeType,
      // With a key of its own, also where the record says nothing: nobody names one for nothing.
      Encrypted: config.isEncrypted || config.kmsKey !== '' ? true : undefined,
      KmsKeyId: config.kmsKey === '' ? undefined : config.kmsKey,
      DeleteOnTermination: true,
    },
  };
}

function spotMarket({ spotPrice, blockDurationMinutes }: Ec2Config): QueryParameters {
  return {
    MarketType: 'spot',
    SpotOptions: {
      MaxPrice: spotPrice === '' ? undefined : spotPrice,
      SpotInstanceType: 'one-time',
      InstanceInterruptionBehavior: blockDurationMinutes > 0 ? undefined : 'terminate',
      BlockDurationMinutes: blockDurationMinutes > 0 ? blockDurationMinutes : undefined,
    },
  };
}
