import driver from '../../src/drivers/azure/driver.ts';
import type { FlagValues } from '../../src/drivers/driver.ts';
import { azureSecret, azureSubscription, azureTenant } from '../support/loopback-cloud/azure-cloud.ts';
import { makeCloudMachine, type CloudMachine, type CloudMachineOptions } from './cloud-machine.ts';

/** What a test may choose. */
export interface AzureMachineOptions extends Omit<CloudMachineOptions, 'driver' | 'values'> {
  /** URL of resource manager and login. */
  readonly url: string;
  readonly values?: FlagValues;
}

/** Flag values with which a machine is made here. */
export function azureValues(url: string): FlagValues {
  return {
    'azure-endpoint': url,
    'azure-login-endpoint': url,
    'azure-subscription-id': azureSubscription,
    'azure-tenant-id': azureTenant,
    'azure-client-id': 'test',
    'azure-open-to': ['198.18.0.0/15'],
  };
}

/** A machine of Azure at an endpoint. */
export function makeAzureMachine({ url, values, env, ...options }: AzureMachineOptions): CloudMachine {
  return makeCloudMachine({
    ...options,
    driver,
    values: { ...azureValues(url), ...values },
    env: { AZURE_CLIENT_SECRET: azureSecret, ...env },
  });
}
