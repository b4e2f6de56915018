import type { FlagValues } from '../driver.ts';
import type { HetznerConfig } from './config.ts';
import { readState } from './state.ts';

/** Where a machine is, as flags. See DriverImplementation.place. A token belongs to one project. */
export function placeOf(_config: HetznerConfig, state: Readonly<Record<string, unknown>>): FlagValues {
  const { endpoint, context } = readState(state);
  return {
    ...(endpoint === '' ? {} : { 'hetzner-endpoint': endpoint }),
    ...(context === '' ? {} : { 'hetzner-context': context }),
  };
}
