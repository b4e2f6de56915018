import type { FlagValues } from '../driver.ts';
import { readState, type AzureConfig } from './config.ts';

/** Where a machine is, and as whom one asks for it, as values of flags. Never a secret. */
export function placeOf(config: AzureConfig, state: Readonly<Record<string, unknown>>): FlagValues {
  const { endpoint, loginEndpoint, certificatePath } = readState(state);
  const given = {
    'azure-tenant-id': config.tenantId,
    'azure-client-id': config.clientId,
    'azure-client-certificate': certificatePath,
    'azure-endpoint': endpoint,
    'azure-login-endpoint': loginEndpoint,
  };
  return {
    'azure-environment': config.environment,
    'azure-subscription-id': config.subscriptionId,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== '')),
  };
}
