import { createHash } from 'node:crypto';
import type { CheckContext, DriverContext, ProviderMaterial } from '../driver.ts';
import { requireProvider } from '../provider.ts';
import { openHetzner, type Hetzner, type HetznerAccess } from './api/hetzner.ts';
import type { HetznerConfig } from './config.ts';
import { readState, type HetznerState } from './state.ts';

export type HetznerContext = DriverContext<HetznerConfig>;
export type HetznerCheck = CheckContext<HetznerConfig>;

/** Hetzner with what this store knows of a machine there. */
export interface HetznerWorld {
  readonly hetzner: Hetzner;
  readonly provider: ProviderMaterial;
  /** As it was when the world was opened. */
  readonly state: HetznerState;
}

/** Opens Hetzner for a machine. */
export async function openWorld(context: HetznerContext): Promise<HetznerWorld> {
  const provider = requireProvider(context);
  const [raw, secrets] = [await provider.state(), await provider.secrets()];
  return {
    provider,
    state: readState(raw),
    hetzner: openHetzner(accessOf({ ...context, state: raw, secrets })),
  };
}

/** Who asks, also before there is a machine. */
export function accessOf(context: HetznerCheck): HetznerAccess {
  const { host, signal, emit, config, ratesDirectory, secrets = {}, state = {} } = context;
  const { endpoint, context: hcloudContext } = readState(state);
  const given = secrets['hetzner-api-token'] ?? config.accessToken;
  return { host, signal, emit, ratesDirectory, endpoint, sources: { given, context: hcloudContext } };
}

/** User data that is no file of its own: of the command line, of a record, of the environment. */
export function givenUserData({
  host: { facts },
  config,
  secrets = {},
}: Pick<HetznerCheck, 'host' | 'config' | 'secrets'>): string {
  const text = secrets['hetzner-user-data'] ?? config.userData;
  return text === '' ? (facts.env['HETZNER_USER_DATA'] ?? '') : text;
}

/** Tells whether two tokens are the same, and nothing of them: tokens are long and random. */
export function markOfToken(token: string, machineId: string): string {
  return createHash('sha256').update(`${machineId} ${token}`).digest('hex').slice(0, 16);
}
