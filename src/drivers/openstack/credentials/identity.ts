import { MachineError } from '../../../core/errors.ts';
import type { Host } from '../../../host/types.ts';
import type { OpenStackConfig } from '../config.ts';
import { readCloud } from './clouds.ts';

/** Who asks Keystone, for what, and where. */
export interface Identity {
  /** With `/v3` at its end. */
  readonly authUrl: string;
  readonly method: Method;
  /** The project; absent where the credential itself belongs to one. */
  readonly project?: Named;
  /** Empty for the only one that there is. */
  readonly region: string;
  readonly interfaceName: 'public' | 'internal' | 'admin';
  readonly caPath: string;
  readonly isInsecure: boolean;
  /** For people: the flags, the file. Never a secret. */
  readonly from: string;
}

export type Domain = { readonly id: string } | { readonly name: string };
export type Named = { readonly id: string } | { readonly name: string; readonly domain: Domain };
export type Method =
  | { readonly kind: 'password'; readonly user: Named; readonly password: string }
  | { readonly kind: 'application'; readonly id: string; readonly secret: string }
  | { readonly kind: 'application'; readonly name: string; readonly user: Named; readonly secret: string }
  | { readonly kind: 'token'; readonly token: string };

/** What flags and records say. */
export interface IdentitySources {
  readonly config: OpenStackConfig;
  /** By flag: see ProviderMaterial.secrets. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Entry of clouds.yaml; empty for none. */
  readonly cloud: string;
  /** The project in which the machine is, where that is known. */
  readonly projectId: string;
}

/**
 * Credentials: what flags (and their variables) say, then the entry of clouds.yaml, then what else openrc files put
 * into the environment. Nothing that is found is kept.
 * @throws MachineError `credentials-missing` in docker-machine's words.
 */
export async function findIdentity(host: Host, sources: IdentitySources): Promise<Identity> {
  const { config, secrets } = sources;
  const cloud = sources.cloud === '' ? undefined : await readCloud(host, sources.cloud);
  const { env } = host.facts;
  /** The first that is there: of the flags, by keys of the cloud, by variables. */
  const value = (given: string, keys: readonly string[] = [], variables: readonly string[] = []): string =>
    [
      given,
      ...keys.map((key) => cloud?.auth[key] ?? cloud?.options[key]),
      ...variables.map((variable) => env[variable]),
    ].find((each) => each !== undefined && each !== '') ?? '';

  const domain = domainOf(value(config.domainId, ['domain_id']), value(config.domainName, ['domain_name']));
  const userDomain = domainOf(
    value(config.userDomainId, ['user_domain_id']),
    value(config.userDomainName, ['user_domain_name']),
  );
  const projectDomain = domainOf(
    value(config.tenantDomainId, ['project_domain_id'], ['OS_PROJECT_DOMAIN_ID']),
    value(config.tenantDomainName, ['project_domain_name'], ['OS_PROJECT_DOMAIN_NAME']),
  );
  const user = namedOf(
    value(config.userId, ['user_id']),
    value(config.userName, ['username']),
    userDomain ?? domain,
  );
  const project = namedOf(
    value(config.tenantId, ['project_id', 'tenant_id'], ['OS_PROJECT_ID']),
    value(config.tenantName, ['project_name', 'tenant_name'], ['OS_PROJECT_NAME']),
    projectDomain ?? domain,
  );
  const method = methodOf({
    user,
    password: value(secrets['openstack-password'] ?? config.password, ['password'], ['OS_PASSWORD']),
    applicationId: value(config.applicationId, ['application_credential_id']),
    applicationName: value(config.applicationName, ['application_credential_name']),
    applicationSecret: value(
      secrets['openstack-application-credential-secret'] ?? config.applicationSecret,
      ['application_credential_secret'],
      ['OS_APPLICATION_CREDENTIAL_SECRET'],
    ),
    token: value(secrets['openstack-token'] ?? '', ['token'], ['OS_TOKEN']),
  });
  const scope = method.kind === 'application' ? undefined : (project ?? knownProject(sources));
  if (method.kind === 'password' && scope === undefined) {
    throw missing(
      'Tenant id or name must be provided either using one of the environment variables OS_TENANT_ID and OS_TENANT_NAME or one of the CLI options --openstack-tenant-id and --openstack-tenant-name',
    );
  }
  const caPath = value(config.caPath, ['cacert'], ['OS_CACERT']);
  return {
    authUrl: versioned(value(config.authUrl, ['auth_url'], ['OS_AUTH_URL'])),
    method,
    ...(scope === undefined ? {} : { project: scope }),
    region: value(config.region, ['region_name'], ['OS_REGION_NAME']),
    interfaceName: interfaceOf(
      value(config.endpointType, ['interface', 'endpoint_type'], ['OS_INTERFACE', 'OS_ENDPOINT_TYPE']),
    ),
    caPath,
    isInsecure:
      config.isInsecure ||
      /^(?:false|no|off)$/i.test(value('', ['verify'])) ||
      /^(?:true|yes|on)$/i.test(value('', ['insecure'])),
    from: cloud?.from ?? 'flags and environment',
  };
}

function knownProject({ projectId }: IdentitySources): Named | undefined {
  return projectId === '' ? undefined : { id: projectId };
}

function domainOf(id: string, name: string): Domain | undefined {
  if (id !== '') {
    return { id };
  }
  return name === '' ? undefined : { name };
}

/** Names count within a domain; the one of installations that have no others is called `default`. */
function namedOf(id: string, name: string, domain: Domain | undefined): Named | undefined {
  if (id !== '') {
    return { id };
  }
  return name === '' ? undefined : { name, domain: domain ?? { id: 'default' } };
}

function methodOf(found: {
  readonly user: Named | undefined;
  readonly password: string;
  readonly applicationId: string;
  readonly applicationName: string;
  readonly applicationSecret: string;
  readonly token: string;
}): Method {
  const { user, applicationId: id, applicationName: name, applicationSecret: secret } = found;
  if (id !== '' || name !== '') {
    if (secret === '') {
      throw missing(
        'Application credential secret must be specified either using the environment variable OS_APPLICATION_CREDENTIAL_SECRET or the CLI option --openstack-application-credential-secret',
      );
    }
    if (id !== '') {
      return { kind: 'application', id, secret };
    }
    if (user === undefined) {
      throw missing(
        'An application credential by name needs a user: --openstack-user-id, or --openstack-username',
      );
    }
    return { kind: 'application', name, user, secret };
  }
  if (found.token !== '' && found.password === '') {
    return { kind: 'token', token: found.token };
  }
  for (const [isThere, what, variable, flag] of [
    [user !== undefined, 'Username', 'OS_USERNAME', '--openstack-username'],
    [found.password !== '', 'Password', 'OS_PASSWORD', '--openstack-password'],
  ] as const) {
    if (!isThere) {
      throw missing(
        `${what} must be specified either using the environment variable ${variable} or the CLI option ${flag}`,
      );
    }
  }
  return user === undefined ? missingUser() : { kind: 'password', user, password: found.password };
}

function missingUser(): never {
  throw missing('There is no user.');
}

function missing(message: string): MachineError {
  return new MachineError('credentials-missing', message, {
    remedies: ['Set the variables of an openrc file, or OS_CLOUD for an entry of clouds.yaml.'],
  });
}

function versioned(url: string): string {
  if (url === '') {
    throw missing(
      'Authentication URL must be specified either using the environment variable OS_AUTH_URL or the CLI option --openstack-auth-url',
    );
  }
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new MachineError('credentials-missing', `${JSON.stringify(url)} is no URL of Keystone.`, {
      remedies: [],
    });
  }
  return `${url.replace(/\/+$/, '').replace(/\/v(?:2\.0|3)$/, '')}/v3`;
}

function interfaceOf(text: string): Identity['interfaceName'] {
  const name = text.replace(/URL$/, '');
  if (name === 'internal' || name === 'admin') {
    return name;
  }
  if (name !== '' && name !== 'public') {
    throw new MachineError(
      'flag-invalid',
      `invalid endpoint type ${JSON.stringify(text)} (must be publicURL, adminURL or internalURL)`,
    );
  }
  return 'public';
}

/** The body of `POST /v3/auth/tokens`. Pure. */
export function authBody({ method, project }: Identity): Readonly<Record<string, unknown>> {
  const scope = project === undefined ? {} : { scope: { project } };
  switch (method.kind) {
    case 'password': {
      const password = { user: { ...method.user, password: method.password } };
      return { auth: { identity: { methods: ['password'], password }, ...scope } };
    }
    case 'application': {
      const { secret } = method;
      const application_credential =
        'id' in method ? { id: method.id, secret } : { name: method.name, user: method.user, secret };
      return { auth: { identity: { methods: ['application_credential'], application_credential } } };
    }
    case 'token':
      return { auth: { identity: { methods: ['token'], token: { id: method.token } }, ...scope } };
  }
}
