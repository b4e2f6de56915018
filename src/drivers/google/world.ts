import type { CheckContext, DriverContext, ProviderMaterial } from '../driver.ts';
import { requireProvider } from '../provider.ts';
import { openGoogle, type Google, type GoogleAccess } from './api/google.ts';
import { readState, type GoogleConfig, type GoogleState } from './config.ts';

export type GoogleContext = DriverContext<GoogleConfig>;

/** Compute Engine with what this store knows of a machine of it. */
export interface GoogleWorld {
  readonly google: Google;
  readonly provider: ProviderMaterial;
  readonly state: GoogleState;
}

/** Opens Compute Engine for a machine. */
export async function openWorld(context: GoogleContext): Promise<GoogleWorld> {
  const provider = requireProvider(context);
  const state = readState(await provider.state());
  const secrets = await provider.secrets();
  const { host, signal, emit, config, ratesDirectory } = context;
  const access = { host, signal, emit, config, ratesDirectory, state, secrets };
  return { provider, state, google: openGoogle(access) };
}

/** Who asks before there is a machine, or for no machine. */
export function accessOfCheck(context: CheckContext<GoogleConfig>): GoogleAccess {
  const { host, signal, emit, config, ratesDirectory, secrets = {}, state = {} } = context;
  return { host, signal, emit, config, ratesDirectory, secrets, state: readState(state) };
}
