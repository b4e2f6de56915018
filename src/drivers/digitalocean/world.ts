import type { CheckContext, DriverContext, ProviderMaterial } from '../driver.ts';
import { requireProvider } from '../provider.ts';
import { openDigitalOcean, type DigitalOcean, type DropletAccess } from './api.ts';
import { readState, type DropletConfig, type DropletState } from './config.ts';

export type DropletContext = DriverContext<DropletConfig>;
export type DropletCheck = CheckContext<DropletConfig>;

/** DigitalOcean with what this store knows of a machine of it. */
export interface DropletWorld {
  readonly api: DigitalOcean;
  readonly provider: ProviderMaterial;
  readonly state: DropletState;
}

/** Opens DigitalOcean for a machine. */
export async function openWorld(context: DropletContext): Promise<DropletWorld> {
  const provider = requireProvider(context);
  const state = readState(await provider.state());
  const { host, signal, emit, config, ratesDirectory } = context;
  const secrets = await provider.secrets();
  const access = { host, signal, emit, config, ratesDirectory, state, secrets };
  return { provider, state, api: openDigitalOcean(access) };
}

/** Who asks before there is a machine, or without one. */
export function accessOfCheck(context: DropletCheck): DropletAccess {
  const { host, signal, emit, config, ratesDirectory, secrets = {}, state = {} } = context;
  return { host, signal, emit, config, ratesDirectory, secrets, state: readState(state) };
}
