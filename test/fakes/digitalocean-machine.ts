import driver from '../../src/drivers/digitalocean/driver.ts';
import type { FlagValues } from '../../src/drivers/driver.ts';
import { makeCloudMachine, type CloudMachine, type CloudMachineOptions } from './cloud-machine.ts';

/** What a test may choose. */
export interface DigitalOceanMachineOptions extends Omit<CloudMachineOptions, 'driver' | 'values'> {
  readonly url: string;
  readonly values?: FlagValues;
}

/** Flag values with which a machine is made here. */
export function digitalOceanValues(url: string): FlagValues {
  return { 'digitalocean-endpoint': url, 'digitalocean-open-to': ['198.18.0.0/15'] };
}

/** A machine of DigitalOcean at a URL. */
export function makeDigitalOceanMachine({
  url,
  values,
  env,
  ...options
}: DigitalOceanMachineOptions): CloudMachine {
  return makeCloudMachine({
    ...options,
    driver,
    values: { ...digitalOceanValues(url), ...values },
    env: { DIGITALOCEAN_ACCESS_TOKEN: 'test', ...env },
  });
}
