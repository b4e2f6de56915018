import type { FlagValues } from '../../src/drivers/driver.ts';
import driver from '../../src/drivers/openstack/driver.ts';
import { makeCloudMachine, type CloudMachine, type CloudMachineOptions } from './cloud-machine.ts';

/** What a test may choose. */
export interface OpenStackMachineOptions extends Omit<CloudMachineOptions, 'driver' | 'values'> {
  /** URL of Keystone. */
  readonly authUrl: string;
  readonly values?: FlagValues;
}

/** Flag values with which a machine is made here. */
export function openStackValues(authUrl: string): FlagValues {
  return {
    'openstack-auth-url': authUrl,
    'openstack-username': 'ann',
    'openstack-tenant-name': 'demo',
    'openstack-region': 'RegionOne',
    'openstack-flavor-name': 'm1.small',
    'openstack-image-name': 'ubuntu-24.04',
    'openstack-net-name': 'private',
    'openstack-open-to': ['198.18.0.0/15'],
  };
}

/** A machine of an OpenStack. */
export function makeOpenStackMachine({
  authUrl,
  values,
  env,
  ...options
}: OpenStackMachineOptions): CloudMachine {
  return makeCloudMachine({
    ...options,
    driver,
    values: { ...openStackValues(authUrl), ...values },
    env: { OS_PASSWORD: 'pass-hush', ...env },
  });
}
