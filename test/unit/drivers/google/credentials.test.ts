import { createVerify, generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import type { HttpAnswer, HttpRequest } from '../../../../src/host/types.ts';
import {
  findToken,
  readGiven,
  wellKnownPath,
} from '../../../../src/drivers/google/credentials/credentials.ts';
import { createFakeHost, type FakeHost } from '../../../fakes/host.ts';

// Every form of credentials, and where they are looked for. Nothing leaves the computer.

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const account = {
  type: 'service_account',
  client_email: 'porter@hotel.test',
  private_key: privateKey,
  private_key_id: 'k1',
};
const user = { type: 'authorized_user', client_id: 'i', client_secret: 's', refresh_token: 'r' };
const well = '/home/ann/.config/gcloud/application_default_credentials.json';

interface World {
  readonly host: FakeHost;
  readonly asked: HttpRequest[];
  readonly find: (given?: string) => ReturnType<typeof findToken>;
}

function worldOf(
  answer: (request: HttpRequest) => {
    readonly status?: number;
    readonly body: unknown;
    readonly flavor?: string;
  },
  {
    env = {},
    files = {},
  }: { readonly env?: Record<string, string>; readonly files?: Record<string, unknown> } = {},
): World {
  const host = createFakeHost({ env });
  for (const [path, content] of Object.entries(files)) {
    host.files.put(path, typeof content === 'string' ? content : JSON.stringify(content));
  }
  const asked: HttpRequest[] = [];
  host.http.onRequest = async (request): Promise<HttpAnswer> => {
    asked.push(request);
    const { status = 200, body, flavor } = answer(request);
    return {
      status,
      headers: flavor === undefined ? {} : { 'metadata-flavor': flavor },
      body: JSON.stringify(body),
    };
  };
  const signal = new AbortController().signal;
  return {
    host,
    asked,
    find: async (given = '') => findToken({ host, signal, emit: () => undefined }, given),
  };
}

const token = (value = 'ya29.a'): { readonly body: unknown } => ({
  body: { access_token: value, expires_in: 3600 },
});

test('a service account signs what it asks for with its key', async (t) => {
  const { find, asked } = worldOf(() => token());
  t.is((await find(JSON.stringify(account))).token, 'ya29.a');
  t.is(asked[0]?.url, 'https://oauth2.googleapis.com/token');
  const form = new URLSearchParams(asked[0]?.body);
  t.is(form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
  const [header = '', claims = '', signature = ''] = (form.get('assertion') ?? '').split('.');
  t.true(createVerify('RSA-SHA256').update(`${header}.${claims}`).verify(publicKey, signature, 'base64url'));
  const read = (part: string): Record<string, unknown> =>
    JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
  t.deepEqual(read(header), { alg: 'RS256', typ: 'JWT', kid: 'k1' });
  const { iss, aud, scope, iat, exp } = read(claims);
  t.deepEqual([iss, aud], ['porter@hotel.test', 'https://oauth2.googleapis.com/token']);
  t.is(scope, 'https://www.googleapis.com/auth/compute');
  t.is(Number(exp) - Number(iat), 3600);
});

test('only the credentials themselves say another place of tokens', async (t) => {
  const { find, asked } = worldOf(() => token(), { env: { GOOGLE_TOKEN_URI: 'https://elsewhere.test/' } });
  await find(JSON.stringify({ ...account, token_uri: 'https://tokens.test/t' }));
  t.is(asked[0]?.url, 'https://tokens.test/t');
  t.not(asked[0]?.allowsPlainHttp, true);
});

test('JSON is taken plain, in base64, and from the variable', async (t) => {
  const text = JSON.stringify(user);
  const encoded = Buffer.from(text).toString('base64');
  t.deepEqual(readGiven(text), user);
  t.deepEqual(readGiven(`${encoded.slice(0, 20)}\n${encoded.slice(20)}`), user);
  t.throws(() => readGiven('no JSON'), { code: 'credentials-missing' });
  const { find, asked } = worldOf(() => token(), { env: { GOOGLE_AUTH_ENCODED_JSON: encoded } });
  await find();
  t.is(new URLSearchParams(asked[0]?.body).get('refresh_token'), 'r');
});

test("a file that is named goes before gcloud's; one that is not there is an error", async (t) => {
  const files = { '/key.json': { ...user, refresh_token: 'named' }, [well]: user };
  const named = worldOf(() => token(), { env: { GOOGLE_APPLICATION_CREDENTIALS: '/key.json' }, files });
  await named.find();
  t.is(new URLSearchParams(named.asked[0]?.body).get('refresh_token'), 'named');
  const gcloud = worldOf(() => token(), { files: { [well]: { ...user, quota_project_id: 'payer' } } });
  t.is((await gcloud.find()).quotaProject, 'payer');
  const lacking = worldOf(() => token(), { env: { GOOGLE_APPLICATION_CREDENTIALS: '/none.json' }, files });
  await t.throwsAsync(lacking.find(), { code: 'credentials-missing', message: /none\.json/ });
  const broken = worldOf(() => token(), { files: { [well]: 'x' } });
  await t.throwsAsync(broken.find(), { code: 'credentials-missing' });
});

test('where gcloud keeps its file', (t) => {
  const at = (platform: NodeJS.Platform, env: Record<string, string>, homeDirectory: string): string =>
    wellKnownPath({ facts: { ...createFakeHost({ env }).facts, platform, homeDirectory } });
  t.is(at('linux', {}, '/home/ann'), well);
  t.is(
    at('win32', { APPDATA: 'C:\\Users\\ann\\AppData\\Roaming' }, 'C:\\Users\\ann'),
    'C:\\Users\\ann\\AppData\\Roaming\\gcloud\\application_default_credentials.json',
  );
  t.is(at('darwin', { CLOUDSDK_CONFIG: '/cfg' }, '/Users/ann'), '/cfg/application_default_credentials.json');
});

test('the metadata server counts only if it says that it is one of Google', async (t) => {
  const google = worldOf(() => ({ ...token('ya29.vm'), flavor: 'Google' }));
  t.is((await google.find()).token, 'ya29.vm');
  t.is(google.asked[0]?.headers?.['metadata-flavor'], 'Google');
  const other = worldOf(() => token());
  await t.throwsAsync(other.find(), { code: 'credentials-missing' });
  const spared = worldOf(() => ({ ...token(), flavor: 'Google' }), { env: { NO_GCE_CHECK: 'true' } });
  await t.throwsAsync(spared.find(), { code: 'credentials-missing' });
  t.is(spared.asked.length, 0);
});

const external = {
  type: 'external_account',
  audience: '//iam.googleapis.com/pools/p',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  token_url: 'https://sts.test/v1/token',
};

test('an external account exchanges a token from a file, and acts as a service account', async (t) => {
  const { find, asked } = worldOf(
    ({ url }) =>
      url.startsWith('https://sts.test')
        ? token('federated')
        : { body: { accessToken: 'ya29.as', expireTime: '2100-01-01T00:00:00Z' } },
    { files: { '/token': 'subject\n' } },
  );
  const document = {
    ...external,
    credential_source: { file: '/token' },
    service_account_impersonation_url: 'https://iam.test/porter:generateAccessToken',
  };
  t.is((await find(JSON.stringify(document))).token, 'ya29.as');
  const form = new URLSearchParams(asked[0]?.body);
  t.is(form.get('subject_token'), 'subject');
  t.is(form.get('audience'), external.audience);
  t.is(form.get('scope'), 'https://www.googleapis.com/auth/cloud-platform');
  t.is(asked[1]?.headers?.['authorization'], 'Bearer federated');
  t.deepEqual(JSON.parse(asked[1]?.body ?? ''), {
    scope: ['https://www.googleapis.com/auth/compute'],
    lifetime: '3600s',
  });
});

test('an external account with a token in JSON from a URL', async (t) => {
  const { find, asked } = worldOf(({ method }) =>
    method === 'GET' ? { body: { value: 'from-url' } } : token('direct'),
  );
  const source = {
    url: 'https://ci.test/token',
    headers: { authorization: 'bearer x' },
    format: { type: 'json', subject_token_field_name: 'value' },
  };
  t.is((await find(JSON.stringify({ ...external, credential_source: source }))).token, 'direct');
  t.is(asked[0]?.headers?.['authorization'], 'bearer x');
  const form = new URLSearchParams(asked[1]?.body);
  t.is(form.get('subject_token'), 'from-url');
  t.is(form.get('scope'), 'https://www.googleapis.com/auth/compute');
});

test('a service account that is impersonated', async (t) => {
  const { find, asked } = worldOf(({ url }) =>
    url.startsWith('https://iam.test')
      ? { body: { accessToken: 'ya29.as', expireTime: '2100-01-01T00:00:00Z' } }
      : token('mine'),
  );
  const document = {
    type: 'impersonated_service_account',
    source_credentials: user,
    delegates: ['porter'],
    service_account_impersonation_url: 'https://iam.test/x:generateAccessToken',
  };
  t.is((await find(JSON.stringify(document))).token, 'ya29.as');
  t.is(asked[1]?.headers?.['authorization'], 'Bearer mine');
});

test('what cannot be used says so, and never shows a secret', async (t) => {
  const { find } = worldOf(() => ({
    status: 400,
    body: { error: 'invalid_grant', error_description: 'Bad Request' },
  }));
  for (const [document, code] of [
    [user, 'credentials-refused'],
    [{ ...user, refresh_token: '' }, 'credentials-missing'],
    [{ ...account, private_key: 'SECRET' }, 'credentials-missing'],
    [
      { ...external, credential_source: { environment_id: 'aws1', url: 'https://x.test' } },
      'credentials-missing',
    ],
    [{ ...external, credential_source: { executable: {} } }, 'credentials-missing'],
    [{ type: 'impersonated_service_account' }, 'credentials-missing'],
    [{ type: 'gdch_service_account' }, 'credentials-missing'],
    [{}, 'credentials-missing'],
  ] as const) {
    const error = await t.throwsAsync(find(JSON.stringify(document)), { code });
    t.notRegex(`${error.message} ${JSON.stringify(error)}`, /SECRET/);
  }
});
