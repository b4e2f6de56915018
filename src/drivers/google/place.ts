import type { FlagValues } from '../driver.ts';
import { readState, type GoogleConfig } from './config.ts';

/** Where a machine is, as flags: a project is asked for all of its zones at once. See DriverImplementation.place. */
export function placeOf(config: GoogleConfig, state: Readonly<Record<string, unknown>>): FlagValues {
  const { endpoint } = readState(state);
  return {
    'google-project': config.project,
    ...(endpoint === '' ? {} : { 'google-endpoint': endpoint }),
  };
}
