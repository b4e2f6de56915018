import { randomBytes } from 'node:crypto';
import { jsonAnswer, type CloudAnswer } from './fault-server.ts';
import { application, keystoneError, projectId, userId, type OpenStackState } from './openstack-state.ts';

// Keystone: one user, one project, one application credential.

export const user = { name: 'ann', password: 'pass-hush', domain: 'Default' };

/** `POST /v3/auth/tokens`. */
export function issueToken(state: OpenStackState, body: string, url: string): CloudAnswer {
  const { auth } = JSON.parse(body) as { auth: { identity: Identity; scope?: { project: Named } } };
  const refused = keystoneError(401, 'The request you have made requires authentication.', 'Unauthorized');
  const { password, token, application_credential: credential } = auth.identity;
  if (password !== undefined && !(isUser(password.user) && password.user.password === user.password)) {
    return refused;
  }
  if (token !== undefined && !state.tokens.has(token.id)) {
    return refused;
  }
  if (credential !== undefined) {
    const isKnown =
      credential.id === application.id ||
      (credential.name === application.name && credential.user !== undefined && isUser(credential.user));
    if (!isKnown || credential.secret !== application.secret) {
      return refused;
    }
  }
  const project = auth.scope?.project;
  if (project !== undefined && project.id !== projectId && project.name !== 'demo') {
    return refused;
  }
  const isScoped = credential !== undefined || token !== undefined || project !== undefined;
  const made = `gAAAA${randomBytes(16).toString('hex')}`;
  state.tokens.add(made);
  const domain = { id: 'default', name: 'Default' };
  const content = {
    methods: auth.identity.methods,
    user: { id: userId, name: user.name, domain, password_expires_at: null },
    audit_ids: [randomBytes(8).toString('hex')],
    issued_at: '2026-01-02T03:04:05.000000Z',
    expires_at: '2099-01-01T00:00:00.000000Z',
    ...(isScoped
      ? { project: { id: projectId, name: 'demo', domain }, catalog: catalogOf(url), roles: [] }
      : {}),
  };
  return jsonAnswer(201, { token: content }, { 'x-subject-token': made });
}

interface Named {
  readonly id?: string;
  readonly name?: string;
  readonly domain?: { readonly id?: string; readonly name?: string };
}

interface Identity {
  readonly methods: readonly string[];
  readonly password?: { readonly user: Named & { readonly password: string } };
  readonly token?: { readonly id: string };
  readonly application_credential?: {
    readonly id?: string;
    readonly name?: string;
    readonly user?: Named;
    readonly secret: string;
  };
}

function isUser({ id, name, domain }: Named): boolean {
  return id === userId || (name === user.name && (domain?.id === 'default' || domain?.name === 'Default'));
}

function catalogOf(url: string): unknown[] {
  const service = (type: string, path: string): unknown => ({
    type,
    name: type,
    id: type,
    endpoints: ['public', 'internal', 'admin'].flatMap((interfaceName) =>
      ['RegionOne', 'RegionTwo'].map((region) => ({
        id: `${type}-${interfaceName}-${region}`,
        interface: interfaceName,
        region,
        region_id: region,
        url: region === 'RegionOne' ? `${url}${path}` : 'http://127.0.0.1:9/nowhere',
      })),
    ),
  });
  return [
    service('identity', '/identity'),
    service('compute', '/compute/v2.1'),
    service('network', '/network/'),
    service('image', '/image'),
    service('volumev3', `/volume/v3/${projectId}`),
  ];
}
