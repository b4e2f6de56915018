import driver from '../../src/drivers/hetzner/driver.ts';
import type { FlagValues } from '../../src/drivers/driver.ts';
import { makeCloudMachine, type CloudMachine, type CloudMachineOptions } from './cloud-machine.ts';

/** What a test may choose. */
export interface HetznerMachineOptions extends Omit<CloudMachineOptions, 'driver' | 'values'> {
  readonly endpoint: string;
  readonly values?: FlagValues;
}

/** Flag values with which a machine is made here. */
export function hetznerValues(endpoint: string): FlagValues {
  return { 'hetzner-endpoint': endpoint, 'hetzner-open-to': ['198.18.0.0/15'] };
}

/** A machine of Hetzner at an endpoint. */
export function makeHetznerMachine(options: HetznerMachineOptions): CloudMachine {
  const { endpoint, values, env, ...rest } = options;
  return makeCloudMachine({
    ...rest,
    driver,
    values: { ...hetznerValues(endpoint), ...values },
    env: { HETZNER_API_TOKEN: 'test', ...env },
  });
}
