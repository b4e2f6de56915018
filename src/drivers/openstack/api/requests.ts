import { MachineError } from '../../../core/errors.ts';
import type { OpenPort } from '../../../cloud/open-ports.ts';
import type { OpenStackConfig } from '../config.ts';

/** Bodies of requests that make something. Pure; keys that are undefined are not sent. */

/** Nova's bound of user data, in characters of base64. */
const userDataMax = 65_535;
/** As many bytes are not longer than that as base64. */
export const userDataMaxBytes = Math.floor(userDataMax / 4) * 3;

/** What is not in the configuration. */
export interface ServerDetails {
  readonly name: string;
  readonly userData: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Names or ids. */
  readonly groups: readonly string[];
  /** Of a root disk that is a volume, in GiB. */
  readonly rootSizeGiB: number;
  /** The snapshot in which the root disk of the image is; empty for an image that Glance has itself. */
  readonly imageSnapshotId: string;
}

/** The request that makes a server, and the version of Nova that understands all of it. */
export interface ServerRequest {
  readonly body: Readonly<Record<string, unknown>>;
  readonly microversion?: string;
}

/** `POST /servers`, with everything in it. @throws MachineError `flag-invalid` for too much user data. */
export function serverRequest(config: OpenStackConfig, details: ServerDetails): ServerRequest {
  const userData = Buffer.from(details.userData).toString('base64');
  if (userData.length > userDataMax) {
    throw new MachineError('flag-invalid', 'The user data is too long for OpenStack.', {
      why: `It has ${userData.length} characters as base64 together with what tsmachine adds; ${userDataMax} are allowed.`,
    });
  }
  const disks = blockDevices(config, details);
  const body = {
    server: {
      name: details.name,
      flavorRef: config.flavorId,
      imageRef: config.bootsFromVolume ? undefined : config.imageId,
      key_name: config.keyName,
      networks: config.networkId === '' ? undefined : [{ uuid: config.networkId }],
      security_groups: details.groups.map((name) => ({ name })),
      availability_zone: config.zone === '' ? undefined : config.zone,
      config_drive: config.hasConfigDrive ? true : undefined,
      user_data: userData,
      metadata: details.metadata,
      block_device_mapping_v2: disks.length === 0 ? undefined : disks,
    },
    'os:scheduler_hints': config.serverGroupId === '' ? undefined : { group: config.serverGroupId },
  };
  const namesType = disks.some((disk) => disk['volume_type'] !== undefined);
  return { body, ...(namesType ? { microversion: '2.67' } : {}) };
}

function blockDevices(
  config: OpenStackConfig,
  { rootSizeGiB, imageSnapshotId }: ServerDetails,
): Record<string, unknown>[] {
  const { bootsFromVolume, volumeId, volumeType, imageId } = config;
  // Neither Nova nor Cinder makes a disk of an image that is nothing but a name for a snapshot.
  const source =
    imageSnapshotId === ''
      ? { uuid: imageId, source_type: 'image' }
      : { uuid: imageSnapshotId, source_type: 'snapshot' };
  const existing = { uuid: volumeId, source_type: 'volume', destination_type: 'volume' };
  if (bootsFromVolume) {
    return [
      volumeId === ''
        ? {
            boot_index: 0,
            ...source,
            destination_type: 'volume',
            volume_size: rootSizeGiB,
            volume_type: volumeType === '' ? undefined : volumeType,
            delete_on_termination: true,
          }
        : { boot_index: 0, ...existing, delete_on_termination: false },
    ];
  }
  if (volumeId === '') {
    return [];
  }
  return [
    // With a further disk the list has the root disk, too.
    {
      boot_index: 0,
      ...source,
      destination_type: imageSnapshotId === '' ? 'local' : 'volume',
      delete_on_termination: true,
    },
    {
      boot_index: -1,
      ...existing,
      device_name: config.volumeDevice === '' ? undefined : config.volumeDevice,
      delete_on_termination: false,
    },
  ];
}

/** `POST /security-group-rules`. */
export function ruleBody(groupId: string, port: OpenPort, range: string): Readonly<Record<string, unknown>> {
  return {
    security_group_rule: {
      security_group_id: groupId,
      direction: 'ingress',
      ethertype: range.includes(':') ? 'IPv6' : 'IPv4',
      protocol: port.protocol,
      port_range_min: port.port,
      port_range_max: port.port,
      remote_ip_prefix: range,
    },
  };
}

/** `POST /volumes` of Cinder. */
export function volumeBody(
  config: OpenStackConfig,
  metadata: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  return {
    volume: {
      name: config.volumeName,
      size: config.volumeSizeGiB,
      volume_type: config.volumeType === '' ? undefined : config.volumeType,
      metadata,
    },
  };
}
