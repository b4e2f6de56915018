import type { FlagValues } from '../driver.ts';
import { readState, type OpenStackConfig } from './config.ts';

/** Where a machine is, and as whom one looks there, as values of flags. Pure; never a secret. */
export function placeOf(config: OpenStackConfig, raw: Readonly<Record<string, unknown>>): FlagValues {
  const { cloud, projectId } = readState(raw);
  const tenantId = projectId === '' ? config.tenantId : projectId;
  const texts = {
    'auth-url': config.authUrl,
    cloud,
    region: config.region,
    'endpoint-type': config.endpointType,
    cacert: config.caPath,
    'tenant-id': tenantId,
    'tenant-name': tenantId === '' ? config.tenantName : '',
    'tenant-domain-id': config.tenantDomainId,
    'tenant-domain-name': config.tenantDomainName,
    'domain-id': config.domainId,
    'domain-name': config.domainName,
    'user-id': config.userId,
    username: config.userName,
    'user-domain-id': config.userDomainId,
    'user-domain-name': config.userDomainName,
    'application-credential-id': config.applicationId,
    'application-credential-name': config.applicationName,
    // No configuration is without them; for those who only look they mean nothing.
    'flavor-name': 'any',
    'image-name': 'any',
  };
  const given = Object.entries(texts).filter(([, value]) => value !== '');
  return {
    ...Object.fromEntries(given.map(([name, value]) => [`openstack-${name}`, value])),
    ...(config.isInsecure ? { 'openstack-insecure': true } : {}),
  };
}
