import { MachineError } from '../../core/errors.ts';
import type { GoogleConfig, GoogleState } from './config.ts';
import { diskName, zonePath } from './names.ts';

/** The one request that makes an instance, with everything in it. Pure. */

/** Google's own bound of one value of metadata. */
export const metadataMaxBytes = 262_144;

/** What is not in the configuration. */
export interface InsertDetails {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `ssh-ed25519 AAAA… comment`. */
  readonly userKey: string;
  /** Undefined for none. */
  readonly userData: string | undefined;
  /** A disk of an earlier instance of the machine is there, and is used. */
  readonly hasDisk: boolean;
}

/** Body of instances.insert. @throws MachineError `flag-invalid` for too much user data. */
export function insertBody(
  config: GoogleConfig,
  state: GoogleState,
  details: InsertDetails,
): Readonly<Record<string, unknown>> {
  const { name, labels, userData } = details;
  const { accelerators, minCpuPlatform } = state;
  const bytes = Buffer.byteLength(userData ?? '');
  if (bytes > metadataMaxBytes) {
    throw new MachineError('flag-invalid', 'The user data is too long for Google.', {
      why: `It has ${bytes} bytes together with what tsmachine adds; ${metadataMaxBytes} are allowed.`,
    });
  }
  const own = state.metadata.map((item) => splitAt(item, '='));
  return {
    name,
    description: 'tsmachine',
    machineType: `zones/${config.zone}/machineTypes/${config.machineType}`,
    labels,
    tags: { items: [...new Set([...config.tags, ...(state.firewallTag === '' ? [] : [state.firewallTag])])] },
    disks: [bootDisk(config, state, details)],
    networkInterfaces: [networkInterface(config, state)],
    metadata: {
      items: [
        ...own.map(([key, value]) => ({ key, value })),
        { key: 'ssh-keys', value: sshKeyItem(config.sshUser, details.userKey) },
        // With OS Login, which a project may ask for, keys of metadata count for nothing.
        ...(own.some(([key]) => key.toLowerCase() === 'enable-oslogin')
          ? []
          : [{ key: 'enable-oslogin', value: 'FALSE' }]),
        ...(userData === undefined ? [] : [{ key: 'user-data', value: userData }]),
      ],
    },
    ...(config.serviceAccount === 'none'
      ? {}
      : { serviceAccounts: [{ email: config.serviceAccount, scopes: scopesOf(config.scopes) }] }),
    ...(accelerators.length === 0
      ? {}
      : { guestAccelerators: accelerators.map((each) => acceleratorOf(config, each)) }),
    ...(minCpuPlatform === '' ? {} : { minCpuPlatform }),
    scheduling: scheduling(config, state),
  };
}

/** An entry of the metadata `ssh-keys`. */
export function sshKeyItem(user: string, publicLine: string): string {
  return `${user}:${publicLine.trim()}`;
}

function bootDisk(
  config: GoogleConfig,
  { imageSizeGb }: GoogleState,
  { name, labels, hasDisk }: InsertDetails,
): Readonly<Record<string, unknown>> {
  const common = { boot: true, autoDelete: true, type: 'PERSISTENT', mode: 'READ_WRITE' };
  if (hasDisk) {
    return { ...common, source: `${zonePath(config)}/disks/${diskName(name)}` };
  }
  return {
    ...common,
    initializeParams: {
      diskName: diskName(name),
      sourceImage: `projects/${config.image}`,
      // Numbers of 64 bits are texts.
      diskSizeGb: String(Math.max(config.diskSizeGb, imageSizeGb)),
      diskType: `${zonePath(config)}/diskTypes/${config.diskType}`,
      labels,
    },
  };
}

function networkInterface(
  config: GoogleConfig,
  { networkPath, subnetworkPath, externalAddress }: GoogleState,
): Readonly<Record<string, unknown>> {
  const external = {
    type: 'ONE_TO_ONE_NAT',
    name: 'External NAT',
    ...(externalAddress === '' ? {} : { natIP: externalAddress }),
  };
  return {
    network: networkPath,
    ...(subnetworkPath === '' ? {} : { subnetwork: subnetworkPath }),
    ...(config.isInternalOnly ? {} : { accessConfigs: [external] }),
  };
}

/** A spot instance is stopped, not deleted, when its time is over: `start` brings it back with its disk. */
function scheduling(config: GoogleConfig, state: GoogleState): Readonly<Record<string, unknown>> {
  if (config.isSpot) {
    return {
      provisioningModel: 'SPOT',
      preemptible: true,
      instanceTerminationAction: 'STOP',
      automaticRestart: false,
      onHostMaintenance: 'TERMINATE',
    };
  }
  // An instance with an accelerator cannot move to another host.
  const policy = state.accelerators.length > 0 ? 'TERMINATE' : state.maintenancePolicy;
  return { automaticRestart: true, ...(policy === '' ? {} : { onHostMaintenance: policy }) };
}

function acceleratorOf({ zone }: GoogleConfig, text: string): Readonly<Record<string, unknown>> {
  const parts = Object.fromEntries(text.split(',').map((part) => splitAt(part, '=')));
  return {
    acceleratorType: `zones/${zone}/acceleratorTypes/${parts['type'] ?? ''}`,
    acceleratorCount: Number(parts['count'] ?? 1),
  };
}

function scopesOf(text: string): readonly string[] {
  return text
    .split(',')
    .map((scope) => scope.trim())
    .filter((scope) => scope !== '');
}

function splitAt(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + 1)];
}
