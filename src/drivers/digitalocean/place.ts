import type { FlagValues } from '../driver.ts';
import { readState, type DropletConfig } from './config.ts';

/** Where a machine is, as flags; all regions are one place. See DriverImplementation.place. */
export function placeOf(_: DropletConfig, state: Readonly<Record<string, unknown>>): FlagValues {
  const { context, endpoint } = readState(state);
  return {
    ...(endpoint === '' ? {} : { 'digitalocean-endpoint': endpoint }),
    ...(context === '' ? {} : { 'digitalocean-context': context }),
  };
}
