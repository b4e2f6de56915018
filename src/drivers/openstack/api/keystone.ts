import { field, listField, textField } from '../../../cloud/json-fields.ts';
import { MachineError } from '../../../core/errors.ts';
import type { Identity } from '../credentials/identity.ts';

/** Services that the driver talks to. */
export type Service = 'compute' | 'network' | 'image' | 'volume';

/** What Keystone gives to somebody whom it knows. */
export interface Session {
  readonly token: string;
  readonly expiresMs: number;
  readonly projectId: string;
  /** Base URLs with their version, without a slash at the end; a service that is absent has none. */
  readonly urls: Readonly<Partial<Record<Service, string>>>;
}

/** Types in the catalogue, and the version that is added where a URL has none. */
const services: Readonly<Record<Service, { readonly types: readonly string[]; readonly version: string }>> = {
  compute: { types: ['compute'], version: 'v2.1' },
  network: { types: ['network'], version: 'v2.0' },
  image: { types: ['image'], version: 'v2' },
  volume: { types: ['volumev3', 'block-storage', 'block-store'], version: 'v3' },
};

/**
 * Reads an answer of `POST /v3/auth/tokens`. Pure.
 * @throws MachineError `credentials-refused` for a token without a project; `flag-invalid` for regions among which nobody
 *   has chosen.
 */
export function sessionOf(
  body: unknown,
  token: string | undefined,
  { region, interfaceName }: Pick<Identity, 'region' | 'interfaceName'>,
): Session {
  const projectId = textField(body, 'token', 'project', 'id');
  if (token === undefined || token === '') {
    throw new MachineError('request-failed', 'Keystone answered, but gave no token.');
  }
  if (projectId === undefined) {
    throw new MachineError('credentials-refused', 'These credentials belong to no project.', {
      remedies: ['Name it: --openstack-tenant-id, or --openstack-tenant-name.'],
    });
  }
  const endpoints = listField(body, 'token', 'catalog').flatMap((service) =>
    listField(service, 'endpoints').map((endpoint) => ({
      type: textField(service, 'type') ?? '',
      region: textField(endpoint, 'region_id') ?? textField(endpoint, 'region') ?? '',
      url: textField(endpoint, 'url') ?? '',
      interfaceName: textField(endpoint, 'interface') ?? '',
    })),
  );
  const visible = endpoints.filter((endpoint) => endpoint.interfaceName === interfaceName);
  const urls = Object.entries(services).map(([name, { types, version }]) => {
    const fitting = types
      .map((type) => visible.filter((each) => each.type === type && isIn(each.region, region)))
      .find((found) => found.length > 0);
    const regions = new Set((fitting ?? []).map((each) => each.region));
    if (regions.size > 1) {
      throw new MachineError('flag-invalid', 'There are several regions.', {
        why: `${name} is in ${[...regions].sort().join(', ')}.`,
        remedies: ['Name one: --openstack-region, or OS_REGION_NAME.'],
      });
    }
    const url = fitting?.[0]?.url.replace(/\/+$/, '');
    return [name, url === undefined ? undefined : withVersion(url, version, projectId)];
  });
  const expires = Date.parse(textField(body, 'token', 'expires_at') ?? '');
  return {
    token,
    projectId,
    expiresMs: Number.isNaN(expires) ? Infinity : expires,
    urls: Object.fromEntries(urls.filter(([, url]) => url !== undefined)) as Session['urls'],
  };
}

function isIn(region: string, wanted: string): boolean {
  return wanted === '' || region === wanted;
}

function withVersion(url: string, version: string, projectId: string): string {
  if (/\/v\d+(?:\.\d+)?(?:\/[^/]+)?$/.test(url)) {
    return url;
  }
  return version === 'v3' ? `${url}/${version}/${projectId}` : `${url}/${version}`;
}

/** An error as the services of OpenStack say it: of Keystone, of Neutron, of Nova and Cinder. */
export function readError(body: unknown): { readonly code: string; readonly message: string } | undefined {
  const neutron = field(body, 'NeutronError');
  if (neutron !== undefined) {
    const text = typeof neutron === 'string' ? neutron : textField(neutron, 'message');
    return { code: textField(neutron, 'type') ?? 'NeutronError', message: text ?? '' };
  }
  if (typeof body !== 'object' || body === null) {
    return undefined;
  }
  for (const [name, value] of Object.entries(body)) {
    const message = textField(value, 'message');
    if (message !== undefined) {
      return { code: name === 'error' ? (textField(value, 'title') ?? name) : name, message };
    }
  }
  return undefined;
}
