import { MachineError } from '../../../core/errors.ts';

/** Paths of resources, which are their ids, and the version of the API that each kind is asked with. Pure. */

/** Versions by provider; the disks have one of their own. */
const versions = {
  compute: '2025-04-01',
  disks: '2025-01-02',
  skus: '2021-07-01',
  network: '2025-07-01',
  resources: '2025-04-01',
} as const;

/** The version of the API for a path. */
export function apiVersionOf(path: string): string {
  const [, provider = '', kind = ''] =
    /\/providers\/(Microsoft\.(?:Compute|Network))\/([A-Za-z]+)/i.exec(path) ?? [];
  if (/compute$/i.test(provider)) {
    return /^disks$/i.test(kind) ? versions.disks : /^skus$/i.test(kind) ? versions.skus : versions.compute;
  }
  return provider === '' ? versions.resources : versions.network;
}

/** Kinds of resources in a group, by the last part of their type. */
const types = {
  virtualMachines: 'Microsoft.Compute/virtualMachines',
  availabilitySets: 'Microsoft.Compute/availabilitySets',
  disks: 'Microsoft.Compute/disks',
  images: 'Microsoft.Compute/images',
  networkInterfaces: 'Microsoft.Network/networkInterfaces',
  networkSecurityGroups: 'Microsoft.Network/networkSecurityGroups',
  publicIPAddresses: 'Microsoft.Network/publicIPAddresses',
  virtualNetworks: 'Microsoft.Network/virtualNetworks',
} as const;

export type ResourceType = keyof typeof types;

/** `Microsoft.Compute/virtualMachines`. */
export function fullType(type: ResourceType): string {
  return types[type];
}

/** Path of a subscription. */
export function subscriptionPath(subscriptionId: string): string {
  return `/subscriptions/${encodeURIComponent(subscriptionId)}`;
}

/** Path of a resource group. */
export function groupPath(subscriptionId: string, group: string): string {
  return `${subscriptionPath(subscriptionId)}/resourceGroups/${encodeURIComponent(group)}`;
}

/** Path of a resource in a group. */
export function resourcePath(group: string, type: ResourceType, name: string): string {
  return `${group}/providers/${types[type]}/${encodeURIComponent(name)}`;
}

/** Path of a provider's list in a whole subscription. */
export function listPath(subscriptionId: string, type: ResourceType): string {
  return `${subscriptionPath(subscriptionId)}/providers/${types[type]}`;
}

/** Path of a provider's list in a resource group. */
export function listPathIn(group: string, type: ResourceType): string {
  return `${group}/providers/${types[type]}`;
}

/** Names of a machine's own resources: docker-machine's. */
export function ownNames(machine: string): {
  readonly virtualMachine: string;
  readonly networkInterface: string;
  readonly address: string;
  readonly securityGroup: string;
  readonly disk: string;
} {
  return {
    virtualMachine: machine,
    networkInterface: `${machine}-nic`,
    address: `${machine}-ip`,
    securityGroup: `${machine}-firewall`,
    disk: `${machine}-os-disk`,
  };
}

/** `[GROUP:]NAME`: a network, and the group that it is in. */
export function splitNetwork(
  network: string,
  ownGroup: string,
): { readonly group: string; readonly name: string } {
  const at = network.lastIndexOf(':');
  return at === -1
    ? { group: ownGroup, name: network }
    : { group: network.slice(0, at), name: network.slice(at + 1) };
}

/** True for two ids of the same resource: their case does not count. */
export function isSameId(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** The parts of an id that one is named by; undefined for what is no id of a resource or group. */
export function parseId(
  id: string,
): { readonly group: string; readonly type: string; readonly name: string } | undefined {
  const [, group, rest = ''] = /^\/subscriptions\/[^/]+\/resourceGroups\/([^/]+)(\/.*)?$/i.exec(id) ?? [];
  if (group === undefined) {
    return undefined;
  }
  const [, type, name] = /^\/providers\/([^/]+\/[^/]+)\/([^/]+)$/i.exec(rest) ?? [];
  return rest === ''
    ? { group, type: 'Microsoft.Resources/resourceGroups', name: group }
    : type === undefined || name === undefined
      ? undefined
      : { group, type, name };
}

/** An id that came from somewhere else, as a path of a request. @throws MachineError `bug` for one that is none. */
export function pathOfId(id: string): string {
  if (
    !/^\/subscriptions\/[^\p{Cc}\s?#]+$/u.test(id) ||
    id.split('/').some((part) => /^\.{1,2}$/.test(part))
  ) {
    throw new MachineError('bug', `This is no id of Azure: ${JSON.stringify(id)}`);
  }
  return encodeURI(decodeURI(id));
}
