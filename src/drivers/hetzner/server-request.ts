import { MachineError } from '../../core/errors.ts';
import type { HetznerConfig } from './config.ts';
import type { Labels } from './labels.ts';
import type { HetznerState } from './state.ts';

/** The one request that makes a server, with everything in it. Pure. */

/** Hetzner's own bound of user data. */
export const userDataMaxBytes = 32 * 1024;

/** What is neither in the configuration nor chosen. */
export interface ServerDetails {
  readonly name: string;
  readonly keyNames: readonly string[];
  readonly firewallIds: readonly number[];
  /** 0 for none. */
  readonly groupId: number;
  readonly userData: string;
  readonly labels: Labels;
}

/** Ids that were chosen. */
type Chosen = Pick<HetznerState, 'imageId' | 'networkIds' | 'volumeIds' | 'primaryIpv4Id' | 'primaryIpv6Id'>;

/** Body of `POST /servers`. @throws MachineError `flag-invalid` for too much user data. */
export function serverRequest(config: HetznerConfig, chosen: Chosen, details: ServerDetails): unknown {
  const { name, keyNames, firewallIds, groupId, userData, labels } = details;
  const sizeBytes = Buffer.byteLength(userData);
  if (sizeBytes > userDataMaxBytes) {
    throw new MachineError('flag-invalid', 'The user data is too long for Hetzner.', {
      why: `It has ${sizeBytes} bytes together with what tsmachine adds; ${userDataMaxBytes} are allowed.`,
    });
  }
  return {
    name,
    server_type: config.type,
    image: String(chosen.imageId),
    location: config.location === '' ? undefined : config.location,
    ssh_keys: keyNames,
    firewalls: firewallIds.length === 0 ? undefined : firewallIds.map((firewall) => ({ firewall })),
    networks: chosen.networkIds.length === 0 ? undefined : chosen.networkIds,
    volumes: chosen.volumeIds.length === 0 ? undefined : chosen.volumeIds,
    placement_group: groupId === 0 ? undefined : groupId,
    public_net: {
      enable_ipv4: !config.isIpv4Disabled,
      enable_ipv6: !config.isIpv6Disabled,
      ipv4: chosen.primaryIpv4Id === 0 ? undefined : chosen.primaryIpv4Id,
      ipv6: chosen.primaryIpv6Id === 0 ? undefined : chosen.primaryIpv6Id,
    },
    user_data: userData,
    labels,
  };
}
