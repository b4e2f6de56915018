import type { Capabilities } from './driver.ts';

/** What every driver can do whose machines are hosts that a provider makes. */
export const providerCapabilities: Capabilities = {
  boots: 'host',
  provider: true,
  power: true,
  ssh: true,
  localEndpoints: false,
  resume: false,
};
