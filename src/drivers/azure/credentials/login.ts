import { createApiClient, verdictOfStatus } from '../../../cloud/api-client.ts';
import { numberField, textField } from '../../../cloud/json-fields.ts';
import { MachineError } from '../../../core/errors.ts';
import type { Emit } from '../../../core/events.ts';
import type { Host } from '../../../host/types.ts';

/** The login of Azure (Microsoft identity platform, OAuth 2.0 client credentials flow). */

/** As whom one logs in, and where. Empty texts stand for "not given". */
export interface LoginWorld {
  readonly host: Host;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** URLs without a slash at their end. */
  readonly loginUrl: string;
  readonly managementUrl: string;
  /** For which the token is: the resource manager of the cloud, whatever the endpoint. */
  readonly audience: string;
  readonly subscriptionId: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly certificatePath: string;
}

/** A token with where it comes from, for people. */
export interface AzureToken {
  readonly value: string;
  readonly from: string;
  /** Milliseconds since the epoch. */
  readonly expiresMs: number;
}

const retriesMax = 4;
/** What is counted on where an answer does not say how long a token lives. */
const lifetimeMs = 5 * 60_000;
const subscriptionVersion = '2022-12-01';

/** What proves that one is the client. */
export type Proof = { readonly client_secret: string } | { readonly client_assertion: string };

/**
 * A token for a client.
 * @throws MachineError `credentials-refused` in the words of the login; `request-failed`.
 */
export async function clientToken(
  world: LoginWorld,
  {
    clientId,
    tenantId,
    proof,
    from,
  }: { readonly clientId: string; readonly tenantId: string; readonly proof: Proof; readonly from: string },
): Promise<AzureToken> {
  const { loginUrl, audience, host } = world;
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    scope: `${audience}/.default`,
    ...('client_assertion' in proof
      ? { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' }
      : {}),
    ...proof,
  });
  const { status, body: text } = await send(world, {
    method: 'POST',
    url: tokenUrl(loginUrl, tenantId),
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: body.toString(),
  });
  return readToken(parse(text), { status, from, nowMs: host.clock.nowMs() });
}

/** Where tokens of a tenant are asked for; the audience of an assertion, too. */
export function tokenUrl(loginUrl: string, tenantId: string): string {
  return `${loginUrl}/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`;
}

/**
 * The tenant of the subscription: who asks the resource manager without a token is told where to get one.
 * @throws MachineError `credentials-missing` when it does not tell.
 */
export async function findTenant(world: LoginWorld): Promise<string> {
  if (world.tenantId !== '') {
    return world.tenantId;
  }
  const { managementUrl, subscriptionId } = world;
  const url = `${managementUrl}/subscriptions/${encodeURIComponent(subscriptionId)}?api-version=${subscriptionVersion}`;
  const { headers } = await send(world, { method: 'GET', url });
  const [, tenant] =
    /authorization(?:_uri)?="?https?:\/\/[^/"]+\/([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})/.exec(
      headers['www-authenticate'] ?? '',
    ) ?? [];
  if (tenant === undefined) {
    throw new MachineError('credentials-missing', 'The tenant of the subscription could not be found out.', {
      remedies: ['Name it: --azure-tenant-id, or AZURE_TENANT_ID.'],
    });
  }
  return tenant;
}

/** Reads an answer in which a token is. @throws MachineError `credentials-refused`, `request-failed`. */
export function readToken(
  value: unknown,
  { status, from, nowMs }: { readonly status: number; readonly from: string; readonly nowMs: number },
): AzureToken {
  const token = textField(value, 'access_token');
  if (status === 200 && token !== undefined && /^[\x21-\x7e]+$/.test(token)) {
    return { value: token, from, expiresMs: nowMs + lifetimeOf(value) };
  }
  const code = textField(value, 'error');
  if (code !== undefined && status < 500) {
    // The first line; behind it are numbers for the vendor's support.
    const [line = ''] = (textField(value, 'error_description') ?? code).split(/\r?\n/);
    throw new MachineError(
      'credentials-refused',
      `Azure does not accept the credentials: ${line.slice(0, 500)}`,
      {
        why: `${code}, with ${from}.`,
        facts: { status, cloudCode: code },
      },
    );
  }
  throw new MachineError('request-failed', 'The login of Azure gave no answer that can be read.', {
    why: `It answered with status ${status} and no token.`,
    facts: { status },
  });
}

/** Some write the number as a text. */
function lifetimeOf(value: unknown): number {
  const seconds = numberField(value, 'expires_in') ?? Number(textField(value, 'expires_in') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : lifetimeMs;
}

async function send(
  { host, signal, emit }: LoginWorld,
  request: {
    readonly method: 'GET' | 'POST';
    readonly url: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  },
): Promise<{
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}> {
  const client = createApiClient({
    host,
    signal,
    emit,
    retriesMax,
    authorize: async (each) => each,
    judge: ({ status, body }) =>
      // Half an answer, or the page of a proxy.
      status === 200 && parse(body) === undefined ? 'passing' : verdictOfStatus(status),
  });
  return client.send(request, { isRepeatable: true });
}

/** JSON, or undefined. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
