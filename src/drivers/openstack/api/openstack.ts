import { shareRates } from '../../../cloud/shared-rates.ts';
import { cloudStatus, openJsonApi, type JsonApi, type JsonRequest } from '../../../cloud/json-api.ts';
import { field, listField, textField } from '../../../cloud/json-fields.ts';
import { isMachineError, MachineError, messageOf } from '../../../core/errors.ts';
import type { Emit } from '../../../core/events.ts';
import type { Host, HttpTrust } from '../../../host/types.ts';
import { authBody, findIdentity, type Identity, type IdentitySources } from '../credentials/identity.ts';
import { readError, sessionOf, type Service, type Session } from './keystone.ts';

/** OpenStack as this driver talks to it. */
export interface OpenStack {
  /**
   * Sends a request until it has a final answer, whose body is returned.
   * @throws MachineError `cloud-refused`, `credentials-refused` with the facts `status` and `cloudCode`; `request-failed`;
   *   `credentials-missing`.
   */
  call(service: Service, request: ServiceRequest): Promise<unknown>;
  /** All of a list that comes in pages; `key` is the one under which it stands. */
  list(
    service: Service,
    path: string,
    key: string,
    query?: JsonRequest['query'],
  ): Promise<readonly unknown[]>;
  projectId(): Promise<string>;
  authUrl(): Promise<string>;
  /** Whether the catalogue has the service. */
  has(service: Service): Promise<boolean>;
}

/** A request to one of the services; `path` is behind its base. */
export interface ServiceRequest extends Omit<JsonRequest, 'headers'> {
  /** Of Nova; the lowest that has what is needed. */
  readonly microversion?: string;
  /** Of a body that is not plain JSON. */
  readonly contentType?: string;
}

/** Who asks, and as whom. */
export interface Access extends IdentitySources {
  readonly host: Host;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** See DriverContext.ratesDirectory. */
  readonly ratesDirectory?: string | undefined;
}

/** Below what clouds allow in front of their services, so that a removal always gets through. */
const budget = { limits: [{ burst: 20, perSecond: 10 }], reserve: 20 };
const retriesMax = 5;
/** A token is replaced so long before it ends. */
const renewBeforeMs = 60_000;
const pagesMax = 1_000;

/** Opens OpenStack. Nothing is sent, and credentials are not looked for, before something is asked. */
export function openOpenStack(access: Access): OpenStack {
  let opened: Promise<Opened> | undefined;
  const open = async (): Promise<Opened> => (opened ??= openApi(access));
  const call: OpenStack['call'] = async (service, { microversion, contentType, path, ...request }) => {
    const { api, session } = await open();
    const base = (await session(false)).urls[service];
    if (base === undefined) {
      throw new MachineError('cloud-refused', `The catalogue of this cloud has no service "${service}".`, {
        remedies: ['Look at --openstack-region and --openstack-endpoint-type.'],
      });
    }
    const headers = {
      ...(microversion === undefined ? {} : { 'openstack-api-version': `compute ${microversion}` }),
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
    };
    const { body } = await api
      .call({ ...request, headers, path: `${base}${path}` })
      .catch((error: unknown) => {
        throw clarified(error);
      });
    return body;
  };
  return {
    call,
    list: async (service, path, key, query = {}) => {
      const all: unknown[] = [];
      let marker: string | undefined;
      for (let page = 0; page < pagesMax; page += 1) {
        const body = await call(service, { method: 'GET', path, query: { ...query, marker } });
        const items = listField(body, key);
        all.push(...items);
        const hasNext =
          field(body, 'next') !== undefined ||
          listField(body, `${key}_links`).some((link) => textField(link, 'rel') === 'next');
        marker = textField(items.at(-1), 'id') ?? textField(items.at(-1), 'keypair', 'name');
        if (!hasNext || marker === undefined) {
          break;
        }
      }
      return all;
    },
    projectId: async () => (await (await open()).session(false)).projectId,
    authUrl: async () => (await open()).authUrl,
    has: async (service) => (await (await open()).session(false)).urls[service] !== undefined,
  };
}

interface Opened {
  readonly authUrl: string;
  readonly api: JsonApi;
  readonly session: (isRenewal: boolean) => Promise<Session>;
}

/** Sessions of this process: a token is good for many requests, and making one is work for Keystone. */
const sessions = new WeakMap<Host, Map<string, Promise<Session>>>();

async function openApi(access: Access): Promise<Opened> {
  const { host, signal, emit } = access;
  const identity = await findIdentity(host, access);
  const tls = await trustOf(host, identity);
  const common = {
    host,
    signal,
    emit,
    retriesMax,
    title: 'OpenStack',
    baseUrl: identity.authUrl,
    readError,
    judgeCode: (code: string, status: number) =>
      // As Nova said it before there was a status for it.
      code === 'overLimit' && status === 413 ? ('throttled' as const) : undefined,
    bucket: shareRates({
      host,
      directory: access.ratesDirectory,
      provider: 'openstack',
      account: async () => accountOf(identity),
      budget,
    }),
    ...(identity.isInsecure ? { allowsPlainHttp: true } : {}),
    ...(tls === undefined ? {} : { tls }),
  };
  const keystone = openJsonApi({ ...common, authorization: async () => ({}) });
  const key = JSON.stringify(identity);
  const session = async (isRenewal: boolean): Promise<Session> => {
    const known = sessions.get(host) ?? new Map<string, Promise<Session>>();
    sessions.set(host, known);
    const present = isRenewal ? undefined : await known.get(key);
    if (present !== undefined && present.expiresMs - host.clock.nowMs() > renewBeforeMs) {
      return present;
    }
    emit({ type: 'debug', message: `Credentials of OpenStack from ${identity.from}.` });
    const made = authenticate(keystone, identity);
    known.set(key, made);
    // What failed is no session.
    made.catch(() => known.delete(key));
    return made;
  };
  const authorization = async (isRenewal: boolean): Promise<Record<string, string>> => ({
    'x-auth-token': (await session(isRenewal)).token,
  });
  return { authUrl: identity.authUrl, api: openJsonApi({ ...common, authorization }), session };
}

/** Of a token nothing is told by which another one of the same project could be known. */
function accountOf({ authUrl, region, method, project }: Identity): readonly string[] {
  const { kind } = method;
  const who = kind === 'token' ? '' : 'id' in method ? method.id : JSON.stringify(method.user);
  return [authUrl, region, project === undefined ? who : JSON.stringify(project)];
}

async function authenticate(keystone: JsonApi, identity: Identity): Promise<Session> {
  const { headers, body } = await keystone.call({
    method: 'POST',
    path: '/auth/tokens',
    body: authBody(identity),
    // Another token more does no harm.
    isRepeatable: true,
  });
  return sessionOf(body, headers['x-subject-token'], identity);
}

async function trustOf(host: Host, { caPath, isInsecure }: Identity): Promise<HttpTrust | undefined> {
  if (isInsecure) {
    return { isUnverified: true };
  }
  if (caPath === '') {
    return undefined;
  }
  try {
    return { authorities: await host.files.readText(caPath) };
  } catch (error) {
    throw new MachineError(
      'credentials-missing',
      `The file of authorities ${JSON.stringify(caPath)} cannot be read.`,
      {
        why: `${messageOf(error)}.`,
        remedies: ['Look at --openstack-cacert, OS_CACERT and cacert in clouds.yaml.'],
        cause: error,
      },
    );
  }
}

/** A quota that is used up has the status of what is forbidden, but better credentials do not help. */
function clarified(error: unknown): unknown {
  const isQuota =
    isMachineError(error) && error.code === 'credentials-refused' && /quota/i.test(error.message);
  if (!isQuota || cloudStatus(error) !== 403) {
    return error;
  }
  return new MachineError('cloud-refused', error.message, {
    ...(error.why === undefined ? {} : { why: error.why }),
    facts: error.facts,
    remedies: ['Remove something in the project, or ask for a larger quota.'],
    cause: error,
  });
}
