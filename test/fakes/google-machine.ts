import driver from '../../src/drivers/google/driver.ts';
import type { FlagValues } from '../../src/drivers/driver.ts';
import { makeCloudMachine, type CloudMachine, type CloudMachineOptions } from './cloud-machine.ts';

/** What a test may choose. */
export interface GoogleMachineOptions extends Omit<CloudMachineOptions, 'driver' | 'values'> {
  /** URL of the stand-in. */
  readonly endpoint: string;
  /** Content of a key file. */
  readonly key: string;
  readonly values?: FlagValues;
}

/** Flag values with which a machine is made here. */
export function googleValues(endpoint: string): FlagValues {
  return {
    'google-project': 'hotel-1',
    'google-endpoint': endpoint,
    'google-open-to': ['198.18.0.0/15'],
  };
}

/** A machine of Google at an endpoint. */
export function makeGoogleMachine({ endpoint, key, values, ...options }: GoogleMachineOptions): CloudMachine {
  return makeCloudMachine({
    ...options,
    driver,
    values: { ...googleValues(endpoint), ...values },
    secrets: { 'google-auth-encoded-json': key, ...options.secrets },
  });
}
