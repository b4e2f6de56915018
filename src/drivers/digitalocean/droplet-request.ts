import { MachineError } from '../../core/errors.ts';
import type { DropletConfig } from './config.ts';

/** The one request that makes a droplet, with everything in it. Pure. */

/** DigitalOcean's own bound of user data. */
export const userDataMaxBytes = 65_536;

/** What is not in the configuration. */
export interface DropletDetails {
  readonly name: string;
  readonly userData: string;
  readonly tags: readonly string[];
  /** Empty for the default one of the region. */
  readonly vpc: string;
}

/** Body of POST /v2/droplets. @throws MachineError `flag-invalid` for too much user data. */
export function dropletBody(
  config: DropletConfig,
  details: DropletDetails,
): Readonly<Record<string, unknown>> {
  const bytes = Buffer.byteLength(details.userData);
  if (bytes > userDataMaxBytes) {
    throw new MachineError('flag-invalid', 'The user data is too long for DigitalOcean.', {
      why: `It has ${bytes} bytes together with what tsmachine adds; ${userDataMaxBytes} are allowed.`,
    });
  }
  return {
    name: details.name,
    region: config.region,
    size: config.size,
    // A number is an image of the account's own.
    image: /^\d+$/.test(config.image) ? Number(config.image) : config.image,
    ssh_keys: [config.keyId],
    backups: config.hasBackups,
    ipv6: config.isIpv6,
    monitoring: config.isMonitored,
    tags: details.tags,
    user_data: details.userData,
    // The old switch for private networks means nothing any more: without a VPC it is the default one.
    ...(details.vpc === '' ? {} : { vpc_uuid: details.vpc }),
  };
}
