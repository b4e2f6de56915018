import driver from '../../src/drivers/amazonec2/driver.ts';
import type { FlagValues } from '../../src/drivers/driver.ts';
import { makeCloudMachine, type CloudMachine, type CloudMachineOptions } from './cloud-machine.ts';

/** What a test may choose. */
export interface Ec2MachineOptions extends Omit<CloudMachineOptions, 'driver' | 'values'> {
  readonly endpoint: string;
  readonly values?: FlagValues;
}

/** Flag values with which a machine is made here. */
export function ec2Values(endpoint: string): FlagValues {
  return {
    'amazonec2-endpoint': endpoint,
    'amazonec2-insecure-transport': true,
    'amazonec2-open-to': ['198.18.0.0/15'],
  };
}

/** A machine of EC2 at an endpoint. */
export function makeEc2Machine({ endpoint, values, env, ...options }: Ec2MachineOptions): CloudMachine {
  return makeCloudMachine({
    ...options,
    driver,
    values: { ...ec2Values(endpoint), ...values },
    env: { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', ...env },
  });
}
