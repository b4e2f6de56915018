import type { HttpAnswer } from '../../../host/types.ts';
import { parse, readToken, type AzureToken, type LoginWorld } from './login.ts';

/** Identities of machines and apps (Azure's documentation, "How to use managed identities … to acquire an access token"). */

const metadataDefault = 'http://169.254.169.254';
/** Somewhere else nobody answers. */
const metadataTimeoutMs = 2_000;
const metadataVersion = '2018-02-01';
const appVersion = '2019-08-01';

/**
 * A token of the identity of this machine, container or app; undefined elsewhere.
 * @throws MachineError `credentials-refused` when the identity has none to give.
 */
export async function managedToken(world: LoginWorld): Promise<AzureToken | undefined> {
  const { host, audience, clientId } = world;
  const { env } = host.facts;
  const [endpoint, header] = [env['IDENTITY_ENDPOINT'] ?? '', env['IDENTITY_HEADER'] ?? ''];
  const isApp = endpoint !== '' && header !== '';
  const base = (env['AZURE_POD_IDENTITY_AUTHORITY_HOST'] ?? '').replace(/\/$/, '') || metadataDefault;
  const query = new URLSearchParams({
    'api-version': isApp ? appVersion : metadataVersion,
    resource: `${audience}/`,
    ...(clientId === '' ? {} : { client_id: clientId }),
  }).toString();
  const answer = await ask(world, {
    url: `${isApp ? endpoint : `${base}/metadata/identity/oauth2/token`}?${query}`,
    headers: isApp ? { 'x-identity-header': header } : { metadata: 'true' },
  });
  if (answer === undefined) {
    return undefined;
  }
  const value = parse(answer.body);
  // A service of another cloud at the same address.
  const isForeign = answer.status !== 200 && typeof value !== 'object';
  return isForeign || answer.status === 404
    ? undefined
    : readToken(value, {
        status: answer.status,
        from: 'the managed identity',
        nowMs: host.clock.nowMs(),
      });
}

/** The answer; undefined where nobody answers. */
async function ask(
  { host, signal }: LoginWorld,
  request: { readonly url: string; readonly headers: Readonly<Record<string, string>> },
): Promise<HttpAnswer | undefined> {
  try {
    return await host.http.request({
      method: 'GET',
      ...request,
      timeoutMs: metadataTimeoutMs,
      allowsPlainHttp: true,
      signal,
    });
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
