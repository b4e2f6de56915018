import type { AccessToken, CredentialsWorld } from './document.ts';
import { oauthToken, parseJson } from './token-request.ts';

const metadataDefault = '169.254.169.254';
/** Most computers are no instance, and nobody answers there. */
const timeoutMs = 1_500;

/** The token of an instance's own service account. Undefined elsewhere, and with NO_GCE_CHECK. */
export async function metadataToken({ host, signal }: CredentialsWorld): Promise<AccessToken | undefined> {
  const { env } = host.facts;
  if (/^true$/i.test(env['NO_GCE_CHECK'] ?? '')) {
    return undefined;
  }
  const named = env['GCE_METADATA_HOST'] ?? '';
  const server = named === '' ? metadataDefault : named;
  try {
    const { status, headers, body } = await host.http.request({
      method: 'GET',
      url: `http://${server}/computeMetadata/v1/instance/service-accounts/default/token`,
      headers: { 'metadata-flavor': 'Google' },
      timeoutMs,
      allowsPlainHttp: true,
      signal,
    });
    const said = parseJson(body);
    // Other things may answer at this address; Google's says so.
    const isGoogle = headers['metadata-flavor'] === 'Google';
    return status === 200 && isGoogle && said !== undefined
      ? oauthToken(said, host.clock.nowMs())
      : undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
