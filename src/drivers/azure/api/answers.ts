import { field, listField, textField, textsField } from '../../../cloud/json-fields.ts';
import { ownerTags } from '../../../cloud/ownership.ts';

/** What answers of the resource manager say. Pure; what is not needed is passed over. */

/** What all resources have. */
export interface Resource {
  readonly id: string;
  readonly name: string;
  readonly location: string;
  /** Names of ours in our spelling, whatever Azure made of it: their case does not count. */
  readonly tags: Readonly<Record<string, string>>;
  /** `Succeeded`, `Creating`, …; undefined where the answer does not tell. */
  readonly provisioning?: string;
}

/** @returns undefined for what is no resource. */
export function resourceOf(value: unknown): Resource | undefined {
  const [id, name] = [textField(value, 'id'), textField(value, 'name')];
  if (id === undefined || name === undefined) {
    return undefined;
  }
  const provisioning = textField(value, 'properties', 'provisioningState');
  return {
    id,
    name,
    location: textField(value, 'location') ?? '',
    tags: tagsOf(value),
    ...(provisioning === undefined ? {} : { provisioning }),
  };
}

const ownTagNames = new Map(Object.values(ownerTags).map((name) => [name.toLowerCase(), name]));

function tagsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(textsField(value, 'tags')).map(([name, text]) => [
      ownTagNames.get(name.toLowerCase()) ?? name,
      text,
    ]),
  );
}

/** A virtual machine. */
export interface VirtualMachine extends Resource {
  /** `running`, `deallocated`, …; undefined where the answer has no instance view. */
  readonly power?: string;
  readonly diskId?: string;
  /** Of the old kind of disks, which lie in a storage account. */
  readonly diskUrl?: string;
  /** Whether it carries any tags at all: lists of states leave them out. */
  readonly hasTags: boolean;
  /** What Azure says of a machine that it could not make. */
  readonly trouble?: string;
}

/** @returns undefined for what is no virtual machine. */
export function virtualMachineOf(value: unknown): VirtualMachine | undefined {
  const resource = resourceOf(value);
  if (resource === undefined) {
    return undefined;
  }
  const statuses = listField(value, 'properties', 'instanceView', 'statuses');
  const codeOf = (status: unknown): string => textField(status, 'code') ?? '';
  const power = statuses.map(codeOf).find((code) => /^PowerState\//i.test(code));
  const failed = statuses.find((status) => /^ProvisioningState\/failed/i.test(codeOf(status)));
  const trouble = textField(failed, 'message') ?? (failed === undefined ? undefined : codeOf(failed));
  const disk = field(value, 'properties', 'storageProfile', 'osDisk');
  const diskId = textField(disk, 'managedDisk', 'id');
  const diskUrl = textField(disk, 'vhd', 'uri');
  return {
    ...resource,
    hasTags: field(value, 'tags') !== undefined,
    ...(power === undefined ? {} : { power: power.slice('PowerState/'.length).toLowerCase() }),
    ...(diskId === undefined ? {} : { diskId }),
    ...(diskUrl === undefined ? {} : { diskUrl }),
    ...(trouble === undefined ? {} : { trouble }),
  };
}

/** An image of a virtual machine. */
export interface Image extends Resource {
  readonly generation?: Generation;
  /** Of the disk that is made of it. */
  readonly diskGiB?: number;
}

/** Of the firmware: `V1` boots from a BIOS, `V2` with UEFI. */
export type Generation = 'V1' | 'V2';

/** @returns undefined for what is no image. */
export function imageOf(value: unknown): Image | undefined {
  const resource = resourceOf(value);
  if (resource === undefined) {
    return undefined;
  }
  const diskGiB = field(value, 'properties', 'storageProfile', 'osDisk', 'diskSizeGB');
  const generation = generationOf(value);
  return {
    ...resource,
    ...(generation === undefined ? {} : { generation }),
    ...(typeof diskGiB === 'number' ? { diskGiB } : {}),
  };
}

/** What an image or a disk boots on; undefined where the answer does not tell. */
export function generationOf(value: unknown): Generation | undefined {
  const generation = textField(value, 'properties', 'hyperVGeneration')?.toUpperCase();
  return generation === 'V1' || generation === 'V2' ? generation : undefined;
}

/** The address of a public address; undefined before it has one. */
export function publicAddressOf(value: unknown): string | undefined {
  return textField(value, 'properties', 'ipAddress');
}

/** The private address of a network interface. */
export function privateAddressOf(value: unknown): string | undefined {
  const [first] = listField(value, 'properties', 'ipConfigurations');
  return textField(first, 'properties', 'privateIPAddress');
}

/** True while something has an address in a network or subnet. */
export function isInUse(value: unknown): boolean {
  const subnets = listField(value, 'properties', 'subnets');
  const holds = (one: unknown): boolean =>
    ['ipConfigurations', 'privateEndpoints', 'serviceAssociationLinks', 'resourceNavigationLinks'].some(
      (name) => listField(one, 'properties', name).length > 0,
    );
  return holds(value) || subnets.some(holds);
}

/** True while an availability set has machines. */
export function hasMachines(value: unknown): boolean {
  return listField(value, 'properties', 'virtualMachines').length > 0;
}

/** A rule of a security group, as far as this driver makes and compares them. */
export interface SecurityRule {
  readonly name: string;
  readonly priority: number;
  readonly protocol: 'Tcp' | 'Udp';
  readonly port: string;
  readonly sources: readonly string[];
}

/** Names and priorities that are taken in a security group. */
export function takenRules(
  value: unknown,
): readonly { readonly name: string; readonly priority: number; readonly sources: readonly string[] }[] {
  return listField(value, 'properties', 'securityRules').flatMap((rule) => {
    const name = textField(rule, 'name');
    const priority = field(rule, 'properties', 'priority');
    const one = textField(rule, 'properties', 'sourceAddressPrefix');
    const many = listField(rule, 'properties', 'sourceAddressPrefixes').filter(
      (each): each is string => typeof each === 'string',
    );
    const sources = one === undefined || one === '' ? many : [one, ...many];
    return name === undefined || typeof priority !== 'number' ? [] : [{ name, priority, sources }];
  });
}

/** A size, as the list of what can be had tells of it. */
export interface Size {
  readonly name: string;
  readonly family: string;
  readonly architecture: 'x64' | 'arm64';
  /** Of the images that it takes. */
  readonly generations: readonly Generation[];
  readonly processorCount: number;
  /** Why this subscription cannot have it in the region. */
  readonly restriction?: string;
}

/** Sizes out of a list that also has disks and other things. */
export function sizesOf(items: readonly unknown[]): readonly Size[] {
  return items.flatMap((item) => {
    const name = textField(item, 'name');
    if (name === undefined || textField(item, 'resourceType') !== 'virtualMachines') {
      return [];
    }
    const capability = (wanted: string): string =>
      textField(
        listField(item, 'capabilities').find((one) => textField(one, 'name') === wanted),
        'value',
      ) ?? '';
    const barred = listField(item, 'restrictions').find((one) => textField(one, 'type') === 'Location');
    return [
      {
        name,
        family: textField(item, 'family') ?? '',
        architecture: /^arm64$/i.test(capability('CpuArchitectureType')) ? 'arm64' : 'x64',
        generations: (['V1', 'V2'] as const).filter((each) =>
          (capability('HyperVGenerations') || 'V1').includes(each),
        ),
        processorCount: Number(capability('vCPUs')) || 0,
        ...(barred === undefined ? {} : { restriction: textField(barred, 'reasonCode') ?? 'NotAvailable' }),
      } as const,
    ];
  });
}

/** How much of something is used, and how much there may be. */
export interface Usage {
  readonly name: string;
  readonly title: string;
  readonly used: number;
  readonly limit: number;
}

export function usagesOf(items: readonly unknown[]): readonly Usage[] {
  return items.flatMap((item) => {
    const name = textField(item, 'name', 'value');
    const [used, limit] = [field(item, 'currentValue'), field(item, 'limit')];
    return name === undefined || typeof used !== 'number' || typeof limit !== 'number'
      ? []
      : [{ name, title: textField(item, 'name', 'localizedValue') ?? name, used, limit }];
  });
}
