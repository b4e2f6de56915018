import { field, listField, textField, textsField } from '../../cloud/json-fields.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import type { CheckContext } from '../driver.ts';
import type { FoundMachine, MachineResource } from '../owned.ts';
import { resourceOf, virtualMachineOf } from './api/answers.ts';
import type { Azure } from './api/azure.ts';
import { groupPath, isSameId, parseId, pathOfId } from './api/ids.ts';
import type { AzureConfig } from './config.ts';
import { openForCheck, ownPaths, type OwnPaths } from './world.ts';

/** The record of a virtual machine that carries our mark. See DriverImplementation.adoptOwned. */
export async function adoptOwned(
  context: CheckContext<AzureConfig>,
  { id, machineId }: MachineResource,
  storeId: string,
): Promise<FoundMachine | undefined> {
  const { config } = context;
  const azure = openForCheck(context);
  const parsed = parseId(id);
  const value = parsed === undefined ? undefined : await azure.get(pathOfId(id), { $expand: 'instanceView' });
  const machine = virtualMachineOf(value);
  if (
    parsed === undefined ||
    machine?.tags[ownerTags.machine] !== machineId ||
    machine.tags[ownerTags.owner] !== storeId
  ) {
    return undefined;
  }
  const { name, group } = parsed;
  const sshUser = textField(value, 'properties', 'osProfile', 'adminUsername');
  const set = textField(value, 'properties', 'availabilitySet', 'id') ?? '';
  const [zone] = listField(value, 'zones');
  const size = textField(value, 'properties', 'hardwareProfile', 'vmSize');
  const image = imageOf(value);
  const paths = ownPaths(groupPath(config.subscriptionId, group), name);
  return {
    config: {
      ResourceGroup: group,
      Location: machine.location,
      ...(size === undefined ? {} : { Size: size }),
      ...(image === '' ? {} : { Image: image }),
      AvailabilityZone: typeof zone === 'string' ? zone : '',
      AvailabilitySet: parseId(set)?.name ?? '',
      Tags: userTags(value),
      ...(await networkOf(azure, { group, paths })),
    },
    state: {
      isBegun: true,
      isMachineAsked: true,
      diskId: machine.diskId ?? '',
      isSpot: textField(value, 'properties', 'priority') === 'Spot',
    },
    ...(sshUser === undefined ? {} : { sshUser }),
    hasFixedName: true,
    otherWay: `Give it another key: az vm user update --subscription ${config.subscriptionId} --resource-group ${group} --name ${name} --username ${sshUser ?? config.sshUser} --ssh-key-value "$(cat KEY.pub)"; or use the serial console of the portal.`,
  };
}

function imageOf(value: unknown): string {
  const reference = field(value, 'properties', 'storageProfile', 'imageReference');
  const parts = ['publisher', 'offer', 'sku', 'version'].map((name) => textField(reference, name) ?? '');
  return parts.every((part) => part !== '') ? parts.join(':') : '';
}

function userTags(value: unknown): Readonly<Record<string, string>> {
  const ours = new Set<string>(Object.values(ownerTags).map((name) => name.toLowerCase()));
  return Object.fromEntries(
    Object.entries(textsField(value, 'tags')).filter(([name]) => !ours.has(name.toLowerCase())),
  );
}

/** What its network interface tells of network, firewall and public address. */
async function networkOf(
  azure: Azure,
  { group, paths }: { readonly group: string; readonly paths: OwnPaths },
): Promise<Readonly<Record<string, unknown>>> {
  const networkInterface = await azure.get(paths.networkInterface);
  if (networkInterface === undefined) {
    return {};
  }
  const [first] = listField(networkInterface, 'properties', 'ipConfigurations');
  const subnet = textField(first, 'properties', 'subnet', 'id') ?? '';
  const [, network = '', subnetName = ''] = /^(.*)\/subnets\/([^/]+)$/i.exec(subnet) ?? [];
  const parsed = parseId(network);
  const securityGroup = textField(networkInterface, 'properties', 'networkSecurityGroup', 'id') ?? '';
  const isOwnGroup = securityGroup === '' || isSameId(securityGroup, paths.securityGroup);
  return {
    NoPublicIP: field(first, 'properties', 'publicIPAddress') === undefined,
    NSG: isOwnGroup ? '' : await nameOfGroup(azure, { group, securityGroup }),
    ...(parsed === undefined
      ? {}
      : {
          VirtualNetwork: isSameId(parsed.group, group) ? parsed.name : `${parsed.group}:${parsed.name}`,
          SubnetName: subnetName,
        }),
  };
}

/** By its name it may be ours, and is removed when nothing uses it any more; by its id it is the user's. */
async function nameOfGroup(
  azure: Azure,
  { group, securityGroup }: { readonly group: string; readonly securityGroup: string },
): Promise<string> {
  const parsed = parseId(securityGroup);
  const isMarked = resourceOf(await azure.get(pathOfId(securityGroup)))?.tags[ownerTags.mark] === '1';
  return parsed !== undefined && isMarked && isSameId(parsed.group, group) ? parsed.name : securityGroup;
}
