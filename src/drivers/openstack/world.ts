import type { CheckContext, DriverContext, ProviderMaterial } from '../driver.ts';
import { requireProvider } from '../provider.ts';
import { openOpenStack, type Access, type OpenStack } from './api/openstack.ts';
import { readState, type OpenStackConfig, type OpenStackState } from './config.ts';

export type OpenStackContext = DriverContext<OpenStackConfig>;

/** OpenStack with what this store knows of a machine of it. */
export interface OpenStackWorld {
  readonly openstack: OpenStack;
  readonly provider: ProviderMaterial;
  readonly state: OpenStackState;
}

/** Opens OpenStack for a machine. */
export async function openWorld(context: OpenStackContext): Promise<OpenStackWorld> {
  const { access, provider, state } = await accessOf(context);
  return { provider, state, openstack: openOpenStack(access) };
}

/** Who asks for a machine that there is. */
export async function accessOf(
  context: OpenStackContext,
): Promise<Omit<OpenStackWorld, 'openstack'> & { readonly access: Access }> {
  const provider = requireProvider(context);
  const state = readState(await provider.state());
  const secrets = await provider.secrets();
  const { host, signal, emit, config, ratesDirectory } = context;
  const { cloud, projectId } = state;
  return {
    provider,
    state,
    access: { host, signal, emit, config, ratesDirectory, secrets, cloud, projectId },
  };
}

/** Who asks before there is a machine. */
export function accessOfCheck(context: CheckContext<OpenStackConfig>): Access {
  const { host, signal, emit, config, ratesDirectory, secrets = {}, state = {} } = context;
  const { cloud, projectId } = readState(state);
  return { host, signal, emit, config, ratesDirectory, secrets, cloud, projectId };
}
