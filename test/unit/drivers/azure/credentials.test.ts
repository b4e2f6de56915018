import { constants, verify, X509Certificate } from 'node:crypto';
import test from 'ava';
import { findToken } from '../../../../src/drivers/azure/credentials/credentials.ts';
import { bearerToken } from '../../../../src/drivers/azure/credentials/token-cache.ts';
import type { LoginWorld } from '../../../../src/drivers/azure/credentials/login.ts';
import type { HttpAnswer, HttpRequest } from '../../../../src/host/types.ts';
import { createFakeHost, type FakeHost } from '../../../fakes/host.ts';
import { issueCaCertificate, issueKey } from '../../../../src/tls/issue.ts';

const tenant = '99999999-8888-4777-8666-555555555555';

interface Asked {
  readonly world: LoginWorld;
  readonly host: FakeHost;
  readonly requests: HttpRequest[];
}

function ask(
  given: Partial<LoginWorld>,
  {
    env = {},
    tree = {},
    answer = () => json(200, { access_token: 'T', expires_in: 3600 }),
  }: {
    readonly env?: Readonly<Record<string, string>>;
    readonly tree?: Readonly<Record<string, string>>;
    readonly answer?: (request: HttpRequest) => HttpAnswer;
  } = {},
): Asked {
  const host = createFakeHost({ env, tree });
  const requests: HttpRequest[] = [];
  host.http.onRequest = (request) => {
    requests.push(request);
    return answer(request);
  };
  const world = {
    host,
    signal: new AbortController().signal,
    emit: () => undefined,
    loginUrl: 'https://login.example',
    managementUrl: 'https://management.example',
    audience: 'https://management.azure.com',
    subscriptionId: 'sub',
    tenantId: tenant,
    clientId: '',
    clientSecret: '',
    certificatePath: '',
    ...given,
  };
  return { world, host, requests };
}

function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { status, headers, body: JSON.stringify(body) };
}

function formOf(request: HttpRequest | undefined): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(request?.body ?? ''));
}

test('a secret of a service principal', async (t) => {
  const { world, requests } = ask({ clientId: 'me', clientSecret: 's&c' });
  t.like(await findToken(world), { value: 'T', from: 'the secret of the service principal' });
  t.is(requests[0]?.url, `https://login.example/${tenant}/oauth2/v2.0/token`);
  t.deepEqual(formOf(requests[0]), {
    grant_type: 'client_credentials',
    client_id: 'me',
    scope: 'https://management.azure.com/.default',
    client_secret: 's&c',
  });
});

test('the tenant of the subscription, and nothing else of what the answer says', async (t) => {
  const header = `Bearer authorization_uri="https://evil.example/${tenant}", error="invalid_token"`;
  const { world, requests } = ask(
    { clientId: 'me', clientSecret: 's', tenantId: '' },
    {
      answer: ({ method }) =>
        method === 'GET'
          ? json(401, {}, { 'www-authenticate': header })
          : json(200, { access_token: 'T', expires_in: '60' }),
    },
  );
  await findToken(world);
  t.deepEqual(
    requests.map(({ url }) => url.replace(/\?.*/, '')),
    ['https://management.example/subscriptions/sub', `https://login.example/${tenant}/oauth2/v2.0/token`],
  );
});

test('a tenant that nobody tells', async (t) => {
  const { world } = ask({ clientId: 'me', clientSecret: 's', tenantId: '' }, { answer: () => json(404, {}) });
  await t.throwsAsync(findToken(world), { code: 'credentials-missing', message: /tenant/ });
});

test('a secret that is refused is told in the words of the login, without its numbers', async (t) => {
  const { world } = ask(
    { clientId: 'me', clientSecret: 's' },
    {
      answer: () =>
        json(401, { error: 'invalid_client', error_description: 'AADSTS7000215: Wrong.\r\nTrace ID: 1' }),
    },
  );
  const error = await t.throwsAsync(findToken(world), { code: 'credentials-refused' });
  t.regex(error.message, /AADSTS7000215: Wrong\.$/);
});

test('a certificate of a service principal signs who it is', async (t) => {
  const key = await issueKey('rsa');
  const pem = issueCaCertificate(createFakeHost(), key, 'ann');
  const { world, requests } = ask(
    { clientId: 'me', certificatePath: '/home/ann/me.pem' },
    { tree: { '/home/ann/me.pem': `${pem}\n${key}` } },
  );
  await findToken(world);
  const [head = '', claims = '', signature = ''] = (formOf(requests[0])['client_assertion'] ?? '').split('.');
  const certificate = new X509Certificate(pem);
  const options = {
    key: certificate.publicKey,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  };
  t.true(verify('sha256', Buffer.from(`${head}.${claims}`), options, Buffer.from(signature, 'base64url')));
  const read = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
  const thumbprint = Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
  t.deepEqual(read(head), { alg: 'PS256', typ: 'JWT', 'x5t#S256': thumbprint });
  t.like(read(claims), { iss: 'me', sub: 'me', aud: `https://login.example/${tenant}/oauth2/v2.0/token` });
});

test('a certificate without its key', async (t) => {
  const pem = issueCaCertificate(createFakeHost(), await issueKey('rsa'), 'ann');
  const { world } = ask(
    { clientId: 'me', certificatePath: '/home/ann/me.pem' },
    { tree: { '/home/ann/me.pem': pem } },
  );
  await t.throwsAsync(findToken(world), { code: 'credentials-missing', message: /me\.pem/ });
});

test('workload identity', async (t) => {
  const { world, requests } = ask(
    { clientId: 'me' },
    { env: { AZURE_FEDERATED_TOKEN_FILE: '/run/token' }, tree: { '/run/token': 'eyJ.x.y\n' } },
  );
  t.is((await findToken(world)).from, 'AZURE_FEDERATED_TOKEN_FILE');
  t.like(formOf(requests[0]), {
    client_assertion: 'eyJ.x.y',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  });
});

test('the identity of this machine', async (t) => {
  const { world, requests } = ask({ clientId: 'me' });
  t.is((await findToken(world)).from, 'the managed identity');
  const { origin, pathname, searchParams } = new URL(requests[0]?.url ?? '');
  t.is(`${origin}${pathname}`, 'http://169.254.169.254/metadata/identity/oauth2/token');
  t.deepEqual(Object.fromEntries(searchParams), {
    'api-version': '2018-02-01',
    resource: 'https://management.azure.com/',
    client_id: 'me',
  });
  t.deepEqual(requests[0]?.headers, { metadata: 'true' });
});

test('the identity of an app', async (t) => {
  const env = { IDENTITY_ENDPOINT: 'http://127.0.0.1:9/msi', IDENTITY_HEADER: 'h' };
  const { world, requests } = ask({}, { env });
  t.is((await findToken(world)).from, 'the managed identity');
  t.true(requests[0]?.url.startsWith('http://127.0.0.1:9/msi?api-version=2019-08-01'));
  t.deepEqual(requests[0]?.headers, { 'x-identity-header': 'h' });
});

test('nobody knows anybody', async (t) => {
  const { world } = ask({}, { answer: () => ({ status: 404, headers: {}, body: 'not here' }) });
  await t.throwsAsync(findToken(world), {
    code: 'credentials-missing',
    message: 'There are no credentials for Azure.',
  });
});

test('the Azure CLI', async (t) => {
  const { world, host } = ask({ tenantId: '' }, { tree: { '/home/ann/.azure/azureProfile.json': '{}' } });
  host.processes.answer('az', { stdout: JSON.stringify({ accessToken: 'C', expires_on: 2_000_000_000 }) });
  t.deepEqual(await findToken(world), { value: 'C', from: 'the Azure CLI', expiresMs: 2_000_000_000_000 });
  t.deepEqual(host.processes.argumentsOf('az'), [
    [
      ...['account', 'get-access-token', '--output', 'json'],
      ...['--resource', 'https://management.azure.com/', '--subscription', 'sub'],
    ],
  ]);
});

test('a token serves until it ends or is refused', async (t) => {
  const { world, host, requests } = ask({ clientId: 'me', clientSecret: 's' });
  await bearerToken(world, { isRenewal: false });
  await bearerToken({ ...world }, { isRenewal: false });
  t.is(requests.length, 1);
  await bearerToken(world, { isRenewal: true });
  t.is(requests.length, 2);
  host.clock.advance(59 * 60_000);
  await bearerToken(world, { isRenewal: false });
  t.is(requests.length, 3);
  await bearerToken({ ...world, clientSecret: 'other' }, { isRenewal: false });
  t.is(requests.length, 4);
});
