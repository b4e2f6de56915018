import { machineTags, ownerTags, type Ownership } from '../../cloud/ownership.ts';
import { MachineError } from '../../core/errors.ts';
import type { CheckContext, DriverContext, ProviderMaterial } from '../driver.ts';
import { requireProvider } from '../provider.ts';
import { openAzure, type Azure } from './api/azure.ts';
import { groupPath, ownNames, resourcePath, type ResourceType } from './api/ids.ts';
import { findCloud } from './clouds.ts';
import { readState, type AzureConfig, type AzureState } from './config.ts';

export type AzureContext = DriverContext<AzureConfig>;

/** Azure with what this store knows of a machine of it. */
export interface AzureWorld {
  readonly azure: Azure;
  readonly provider: ProviderMaterial;
  readonly state: AzureState;
  readonly own: Ownership;
  /** Path of the resource group. */
  readonly group: string;
  /** Paths of the machine's own resources. */
  readonly paths: OwnPaths;
}

/** Paths of what belongs to one machine alone. */
export interface OwnPaths {
  readonly virtualMachine: string;
  readonly networkInterface: string;
  readonly address: string;
  /** Of the group that is made for it; it may have another one. */
  readonly securityGroup: string;
  readonly disk: string;
}

/** Opens Azure for a machine. */
export async function openWorld(context: AzureContext): Promise<AzureWorld> {
  const provider = requireProvider(context);
  const state = readState(await provider.state());
  const secrets = await provider.secrets();
  const { config, name } = context;
  const group = groupPath(config.subscriptionId, config.resourceGroup);
  return {
    azure: open(context, state, secrets),
    provider,
    state,
    own: await provider.ownership(),
    group,
    paths: ownPaths(group, name),
  };
}

/** Opens Azure for somebody who asks before there is a machine, or for none in particular. */
export function openForCheck(context: CheckContext<AzureConfig>): Azure {
  return open(context, readState(context.state ?? {}), context.secrets ?? {});
}

/** Paths of a machine's own resources. */
export function ownPaths(group: string, machine: string): OwnPaths {
  const names = ownNames(machine);
  const path = (type: ResourceType, name: string): string => resourcePath(group, type, name);
  return {
    virtualMachine: path('virtualMachines', names.virtualMachine),
    networkInterface: path('networkInterfaces', names.networkInterface),
    address: path('publicIPAddresses', names.address),
    securityGroup: path('networkSecurityGroups', names.securityGroup),
    disk: path('disks', names.disk),
  };
}

/** Tags of what belongs to one machine: the user's, and ours, which win. */
export function tagsOfMachine(
  { config, name, host }: AzureContext,
  { own }: AzureWorld,
): Readonly<Record<string, string>> {
  return { ...config.tags, ...machineTags(own, name, host.clock.nowMs()) };
}

/**
 * True for what belongs to the machine. Something of its name without our tags is docker-machine's, if the record is; else
 * it is a stranger's.
 */
export function isOwn(
  { tags }: { readonly tags: Readonly<Record<string, string>> },
  { own, state }: Pick<AzureWorld, 'own' | 'state'>,
): boolean {
  const owner = tags[ownerTags.machine];
  return owner === undefined
    ? !state.isMadeHere && tags[ownerTags.mark] === undefined
    : owner === own.machineId;
}

/** Something has the name that is needed. */
export function conflict(what: string, name: string): MachineError {
  return new MachineError('cloud-conflict', `There is already ${what} with the name ${name}.`, {
    why: 'It is in the resource group of the machine, and not its own.',
    remedies: ['Take another name for the machine, or another resource group (--azure-resource-group).'],
  });
}

function open(
  context: Pick<AzureContext, 'host' | 'signal' | 'emit' | 'config' | 'ratesDirectory'>,
  state: AzureState,
  secrets: Readonly<Record<string, string>>,
): Azure {
  const { host, signal, emit, config, ratesDirectory } = context;
  if (config.subscriptionId === '') {
    throw new MachineError('record-invalid', 'The record of this machine names no subscription of Azure.');
  }
  const { env } = host.facts;
  const cloud = findCloud(config.environment) ?? { login: '', management: '' };
  const management = (state.endpoint === '' ? cloud.management : state.endpoint).replace(/\/$/, '');
  const loginUrl = (state.loginEndpoint === '' ? cloud.login : state.loginEndpoint).replace(/\/$/, '');
  const either = (given: string, variable: string): string => (given === '' ? (env[variable] ?? '') : given);
  return openAzure({
    host,
    signal,
    emit,
    management,
    ratesDirectory,
    login: {
      host,
      signal,
      emit,
      loginUrl,
      managementUrl: management,
      audience: cloud.management,
      subscriptionId: config.subscriptionId,
      tenantId: either(config.tenantId, 'AZURE_TENANT_ID'),
      clientId: either(config.clientId, 'AZURE_CLIENT_ID'),
      clientSecret: either(secrets['azure-client-secret'] ?? config.clientSecret, 'AZURE_CLIENT_SECRET'),
      certificatePath: either(state.certificatePath, 'AZURE_CLIENT_CERTIFICATE_PATH'),
    },
  });
}
