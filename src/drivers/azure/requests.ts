import { isIPv6 } from 'node:net';
import { wantedPorts, type OpenPort } from '../../cloud/open-ports.ts';
import { MachineError } from '../../core/errors.ts';
import type { Generation, takenRules } from './api/answers.ts';
import { sshPort, type AzureConfig, type AzureState } from './config.ts';

/** Bodies of requests that make something. Pure. */

type Tags = Readonly<Record<string, string>>;

/** Azure's own bound of custom data, before base64. */
export const customDataMaxBytes = 65_535;

/** A network with its subnet in one request: without it, a network that is there would lose its subnets. */
export function networkBody(config: AzureConfig, tags: Tags): unknown {
  return {
    location: config.location,
    tags,
    properties: {
      addressSpace: { addressPrefixes: [config.subnetPrefix] },
      subnets: [{ name: config.subnet, ...subnetBody(config) }],
    },
  };
}

/** A subnet. Machines without a public address reach the internet from it, as they need to get the engine. */
export function subnetBody({ subnetPrefix }: AzureConfig): { readonly properties: unknown } {
  return { properties: { addressPrefix: subnetPrefix, defaultOutboundAccess: true } };
}

/** An availability set for machines with managed disks. */
export function availabilitySetBody(config: AzureConfig, tags: Tags): unknown {
  return {
    location: config.location,
    tags,
    sku: { name: 'Aligned' },
    properties: {
      platformFaultDomainCount: config.faultDomainCount,
      platformUpdateDomainCount: config.updateDomainCount,
    },
  };
}

/** A rule of a security group, as a request has it. */
export interface RuleBody {
  readonly name: string;
  readonly properties: {
    readonly priority: number;
    readonly direction: 'Inbound';
    readonly access: 'Allow';
    readonly protocol: 'Tcp' | 'Udp';
    readonly sourcePortRange: '*';
    readonly destinationPortRange: string;
    readonly destinationAddressPrefix: '*';
    readonly sourceAddressPrefixes?: readonly string[];
    readonly sourceAddressPrefix?: string;
  };
}

const priorities = { ssh: 100, engine: 300, others: 1000 } as const;

/** Where whoever connects to private addresses comes from: Azure's name for the network and what is joined to it. */
export const insideTag = 'VirtualNetwork';

/** The rules that a machine needs, with docker-machine's names and priorities. Sources are ranges, or `insideTag`. */
export function wantedRules(
  { enginePort, openPorts }: Pick<AzureConfig, 'enginePort' | 'openPorts'>,
  sources: readonly string[],
): readonly RuleBody[] {
  let next: number = priorities.others;
  return portsOf(enginePort, openPorts).flatMap((port) => {
    const { name, priority } =
      port.port === sshPort && port.protocol === 'tcp'
        ? { name: 'SSHAllowAny', priority: priorities.ssh }
        : port.port === enginePort && port.protocol === 'tcp'
          ? { name: 'DockerAllowAny', priority: priorities.engine }
          : {
              name: `Port${port.port}-${port.protocol === 'tcp' ? 'Tcp' : 'Udp'}AllowAny`,
              priority: next,
            };
    next += priority >= priorities.others ? 2 : 0;
    // A rule has addresses of one version only.
    const [four, six] = [false, true].map((isSix) =>
      sources.filter((source) => isIPv6(source.split('/')[0] ?? '') === isSix),
    );
    return [
      ...ruleBody({ name, priority, port, sources: four ?? [] }),
      ...ruleBody({ name: `${name}6`, priority: priority + 1, port, sources: six ?? [] }),
    ];
  });
}

function portsOf(enginePort: number, openPorts: readonly string[]): readonly OpenPort[] {
  const usual = 2376;
  return wantedPorts({ sshPort, openPorts: [String(enginePort), ...openPorts] }).filter(
    ({ port, protocol }) =>
      port !== usual ||
      protocol !== 'tcp' ||
      enginePort === usual ||
      openPorts.some((text) => /^2376(?:\/tcp)?$/.test(text)),
  );
}

function ruleBody({
  name,
  priority,
  port,
  sources,
}: {
  readonly name: string;
  readonly priority: number;
  readonly port: OpenPort;
  readonly sources: readonly string[];
}): readonly RuleBody[] {
  const [only] = sources;
  if (only === undefined) {
    return [];
  }
  const from = sources.length === 1 ? { sourceAddressPrefix: only } : { sourceAddressPrefixes: sources };
  return [
    {
      name,
      properties: {
        priority,
        direction: 'Inbound',
        access: 'Allow',
        protocol: port.protocol === 'tcp' ? 'Tcp' : 'Udp',
        sourcePortRange: '*',
        destinationPortRange: String(port.port),
        destinationAddressPrefix: '*',
        ...from,
      },
    },
  ];
}

/** Rules that a group lacks, with priorities that are free; one that is there from elsewhere is widened. */
export function missingRules(
  present: ReturnType<typeof takenRules>,
  wanted: readonly RuleBody[],
): readonly RuleBody[] {
  const taken = new Set(present.map(({ priority }) => priority));
  return wanted.flatMap((rule): RuleBody[] => {
    const { sourceAddressPrefix: one, sourceAddressPrefixes: many = [], ...rest } = rule.properties;
    const sources = one === undefined ? many : [one];
    const same = present.find(({ name }) => name.toLowerCase() === rule.name.toLowerCase());
    if (same !== undefined) {
      const isOpen = sources.every(
        (source) =>
          same.sources.includes(source) ||
          same.sources.some((each) => /^(?:\*|0\.0\.0\.0\/0|::\/0|Internet)$/i.test(each)),
      );
      const all = [...new Set([...same.sources, ...sources])];
      return isOpen
        ? []
        : [
            {
              name: same.name,
              properties: { ...rest, priority: same.priority, sourceAddressPrefixes: all },
            },
          ];
    }
    let { priority } = rest;
    while (taken.has(priority)) {
      priority += 1;
    }
    taken.add(priority);
    return [{ name: rule.name, properties: { ...rule.properties, priority } }];
  });
}

/** A security group. */
export function securityGroupBody(config: AzureConfig, tags: Tags, rules: readonly RuleBody[]): unknown {
  return { location: config.location, tags, properties: { securityRules: rules } };
}

/** A public address that stays: there are no others any more. */
export function addressBody(config: AzureConfig, tags: Tags): unknown {
  return {
    location: config.location,
    tags,
    sku: { name: 'Standard' },
    ...(config.zone === '' ? {} : { zones: [config.zone] }),
    properties: {
      publicIPAllocationMethod: 'Static',
      publicIPAddressVersion: 'IPv4',
      ...(config.dnsLabel === '' ? {} : { dnsSettings: { domainNameLabel: config.dnsLabel } }),
    },
  };
}

/** Ids that a network interface joins. */
export interface InterfaceParts {
  readonly subnetId: string;
  readonly securityGroupId: string;
  /** Undefined for a machine without one. */
  readonly addressId?: string;
}

/** A network interface, which goes with its machine and takes the public address along. */
export function interfaceBody(
  config: AzureConfig,
  tags: Tags,
  { subnetId, securityGroupId, addressId }: InterfaceParts,
): unknown {
  const isFixed = config.privateAddress !== '';
  return {
    location: config.location,
    tags,
    properties: {
      enableAcceleratedNetworking: config.isAccelerated ? true : undefined,
      networkSecurityGroup: { id: securityGroupId },
      ipConfigurations: [
        {
          name: 'ip',
          properties: {
            primary: true,
            subnet: { id: subnetId },
            privateIPAllocationMethod: isFixed ? 'Static' : 'Dynamic',
            privateIPAddress: isFixed ? config.privateAddress : undefined,
            publicIPAddress:
              addressId === undefined ? undefined : { id: addressId, properties: { deleteOption: 'Delete' } },
          },
        },
      ],
    },
  };
}

/** What is not in the configuration. */
export interface MachineDetails {
  readonly name: string;
  readonly tags: Tags;
  readonly interfaceId: string;
  readonly availabilitySetId?: string;
  readonly diskName: string;
  readonly userKey: string;
  readonly userData: string;
  readonly isSpot: boolean;
}

/** The one request that makes the machine, with everything in it. @throws MachineError `flag-invalid` for too much data. */
export function machineBody(
  config: AzureConfig,
  { spotPrice }: Pick<AzureState, 'spotPrice'>,
  details: MachineDetails,
): unknown {
  const bytes = Buffer.from(details.userData);
  if (bytes.length > customDataMaxBytes) {
    throw new MachineError('flag-invalid', 'The custom data is too long for Azure.', {
      why: `It has ${bytes.length} bytes together with what tsmachine adds; ${customDataMaxBytes} are allowed.`,
    });
  }
  const { availabilitySetId, isSpot } = details;
  return {
    location: config.location,
    tags: details.tags,
    ...(config.zone === '' ? {} : { zones: [config.zone] }),
    ...(config.plan === '' ? {} : { plan: planOf(config.plan) }),
    properties: {
      hardwareProfile: { vmSize: config.size },
      ...(availabilitySetId === undefined ? {} : { availabilitySet: { id: availabilitySetId } }),
      ...(isSpot
        ? {
            priority: 'Spot',
            evictionPolicy: 'Delete',
            // -1: up to the price on demand.
            billingProfile: { maxPrice: spotPrice === '' ? -1 : Number(spotPrice) },
          }
        : {}),
      storageProfile: {
        imageReference: imageReference(config.image),
        osDisk: {
          name: details.diskName,
          createOption: 'FromImage',
          caching: 'ReadWrite',
          diskSizeGB: config.diskSizeGiB,
          deleteOption: 'Delete',
          managedDisk: { storageAccountType: config.storageType },
        },
      },
      osProfile: {
        computerName: details.name,
        adminUsername: config.sshUser,
        customData: bytes.toString('base64'),
        linuxConfiguration: {
          disablePasswordAuthentication: true,
          ssh: {
            publicKeys: [{ path: `/home/${config.sshUser}/.ssh/authorized_keys`, keyData: details.userKey }],
          },
        },
      },
      networkProfile: {
        networkInterfaces: [
          { id: details.interfaceId, properties: { primary: true, deleteOption: 'Delete' } },
        ],
      },
    },
  };
}

/** An image of a virtual machine that is generalized. */
export function imageBody(
  { location }: Pick<AzureConfig, 'location'>,
  tags: Tags,
  { sourceId, generation }: { readonly sourceId: string; readonly generation: Generation | undefined },
): unknown {
  return {
    location,
    tags,
    properties: { sourceVirtualMachine: { id: sourceId }, hyperVGeneration: generation },
  };
}

/** `PUBLISHER:OFFER:SKU:VERSION`, or the id of an image, gallery or community image. */
export function imageReference(image: string): Readonly<Record<string, string>> {
  if (image.startsWith('/')) {
    return /^\/(?:CommunityGalleries)\//i.test(image)
      ? { communityGalleryImageId: image }
      : /^\/SharedGalleries\//i.test(image)
        ? { sharedGalleryImageId: image }
        : { id: image };
  }
  const [publisher = '', offer = '', sku = '', version = ''] = image.split(':');
  return { publisher, offer, sku, version };
}

function planOf(plan: string): Readonly<Record<string, string>> {
  const [publisher = '', product = '', name = ''] = plan.split(':');
  return { publisher, product, name };
}
