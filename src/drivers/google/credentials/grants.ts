import { createSign } from 'node:crypto';
import { textField } from '../../../cloud/json-fields.ts';
import { messageOf } from '../../../core/errors.ts';
import {
  computeScope,
  needIn,
  unusable,
  type AccessToken,
  type CredentialsWorld,
  type FoundDocument,
} from './document.ts';
import { externalToken } from './external-account.ts';
import { askForToken, oauthToken } from './token-request.ts';

/** Credentials of Google's forms, exchanged for an access token. */

const googleTokenUrl = 'https://oauth2.googleapis.com/token';
/** For tokens that are only exchanged for others. */
const wideScope = 'https://www.googleapis.com/auth/cloud-platform';
const lifeSeconds = 3600;
/** Credentials may lead to others, but not for ever. */
const depthMax = 4;

/** @throws MachineError `credentials-missing` for a document that cannot be used; `credentials-refused`. */
export async function tokenByDocument(
  world: CredentialsWorld,
  { document, from }: FoundDocument,
  { scope = computeScope, depth = 0 }: { readonly scope?: string; readonly depth?: number } = {},
): Promise<AccessToken> {
  const need = needIn(document, from);
  const nowMs = world.host.clock.nowMs();
  switch (document['type']) {
    case 'service_account': {
      const url = textField(document, 'token_uri') ?? googleTokenUrl;
      const key = { email: need('client_email'), pem: need('private_key'), from };
      const id = textField(document, 'private_key_id');
      const assertion = signedAssertion(key, { id, scope, audience: url, nowMs });
      const form = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion };
      return oauthToken(await askForToken(world, { url, form }), nowMs);
    }
    case 'authorized_user': {
      const form = {
        grant_type: 'refresh_token',
        client_id: need('client_id'),
        client_secret: need('client_secret'),
        refresh_token: need('refresh_token'),
      };
      const url = textField(document, 'token_uri') ?? googleTokenUrl;
      const quotaProject = textField(document, 'quota_project_id');
      const token = oauthToken(await askForToken(world, { url, form }), nowMs);
      return { ...token, ...(quotaProject === undefined ? {} : { quotaProject }) };
    }
    case 'external_account': {
      const url = textField(document, 'service_account_impersonation_url');
      const first = await externalToken(world, need, document, url === undefined ? scope : wideScope);
      return url === undefined ? first : impersonate(world, { url, token: first.token, scope });
    }
    case 'impersonated_service_account': {
      const source = document['source_credentials'];
      if (typeof source !== 'object' || source === null || Array.isArray(source) || depth >= depthMax) {
        throw unusable(from, 'it has no source_credentials');
      }
      const found = { document: source as FoundDocument['document'], from };
      const first = await tokenByDocument(world, found, { scope: wideScope, depth: depth + 1 });
      const delegates = document['delegates'];
      return impersonate(world, {
        url: need('service_account_impersonation_url'),
        token: first.token,
        scope,
        ...(Array.isArray(delegates) ? { delegates } : {}),
      });
    }
    default:
      throw unusable(from, `credentials of the type ${JSON.stringify(document['type'])} are not known`);
  }
}

/** A JWT that asks for a token (RFC 7523), signed with the key of a service account. */
export function signedAssertion(
  { email, pem, from }: { readonly email: string; readonly pem: string; readonly from: string },
  {
    id,
    scope,
    audience,
    nowMs,
  }: {
    readonly id: string | undefined;
    readonly scope: string;
    readonly audience: string;
    readonly nowMs: number;
  },
): string {
  const issuedSeconds = Math.floor(nowMs / 1000);
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = encode({ alg: 'RS256', typ: 'JWT', ...(id === undefined ? {} : { kid: id }) });
  const claims = encode({
    iss: email,
    scope,
    aud: audience,
    iat: issuedSeconds,
    exp: issuedSeconds + lifeSeconds,
  });
  try {
    const signature = createSign('RSA-SHA256').update(`${header}.${claims}`).sign(pem, 'base64url');
    return `${header}.${claims}.${signature}`;
  } catch (error) {
    // Never the text of the key itself.
    throw unusable(from, `its private_key cannot be used: ${messageOf(error).slice(0, 100)}`);
  }
}

/** A token of a service account for somebody who may act as it (IAM Credentials API, generateAccessToken). */
async function impersonate(
  world: CredentialsWorld,
  {
    url,
    token,
    scope,
    delegates,
  }: {
    readonly url: string;
    readonly token: string;
    readonly scope: string;
    readonly delegates?: readonly unknown[];
  },
): Promise<AccessToken> {
  const json = {
    scope: [scope],
    lifetime: `${lifeSeconds}s`,
    ...(delegates === undefined ? {} : { delegates }),
  };
  const said = await askForToken(world, { url, json, headers: { authorization: `Bearer ${token}` } });
  const { accessToken, expireTime } = said;
  const expiresMs = typeof expireTime === 'string' ? Date.parse(expireTime) : Number.NaN;
  const seconds = Number.isNaN(expiresMs) ? undefined : (expiresMs - world.host.clock.nowMs()) / 1000;
  return oauthToken({ access_token: accessToken, expires_in: seconds }, world.host.clock.nowMs());
}
