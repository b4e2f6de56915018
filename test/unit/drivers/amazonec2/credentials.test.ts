import { createHash } from 'node:crypto';
import test from 'ava';
import { isMachineError } from '../../../../src/core/errors.ts';
import { findCredentials } from '../../../../src/drivers/amazonec2/credentials/credentials.ts';
import type { HttpAnswer, HttpRequest } from '../../../../src/host/types.ts';
import { createFakeHost, type FakeHost } from '../../../fakes/host.ts';

// Answers in the forms of AWS' documentation: API references of STS and of the SSO portal, "Retrieve security credentials
// from instance metadata", "Task IAM role".

const home = '/home/ann';
const config = `${home}/.aws/config`;
const credentialsFile = `${home}/.aws/credentials`;
const keysOfBase = '[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s3cr3t\n';

interface Asked {
  readonly find: (profile?: string) => ReturnType<typeof findCredentials>;
  readonly host: FakeHost;
  readonly requests: HttpRequest[];
}

function ask({
  env = {},
  tree = {},
  region = 'eu-central-1',
  answer = () => ({ status: 404, headers: {}, body: '' }),
}: {
  readonly env?: Readonly<Record<string, string>>;
  readonly tree?: Readonly<Record<string, string>>;
  readonly region?: string;
  readonly answer?: (request: HttpRequest) => HttpAnswer;
}): Asked {
  const host = createFakeHost({ env, tree });
  const requests: HttpRequest[] = [];
  host.http.onRequest = (request) => {
    requests.push(request);
    return answer(request);
  };
  const given = { accessKey: '', secretKey: '', sessionToken: '' };
  const find: Asked['find'] = async (profile = '') =>
    findCredentials(host, { given, profile, region }, new AbortController().signal);
  return { find, host, requests };
}

function ok(body: string): HttpAnswer {
  return { status: 200, headers: {}, body };
}

function assumed(action: string, id: string): HttpAnswer {
  return ok(`<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result>
    <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/build/tsmachine</Arn></AssumedRoleUser>
    <Credentials><AccessKeyId>${id}</AccessKeyId><SecretAccessKey>of-the-role</SecretAccessKey>
    <SessionToken>TOKEN</SessionToken><Expiration>2030-01-02T03:04:05Z</Expiration></Credentials>
    </${action}Result></${action}Response>`);
}

const ofTheRole = {
  credentials: { accessKeyId: 'ASIAROLE', secretAccessKey: 'of-the-role', sessionToken: 'TOKEN' },
  expiresMs: Date.UTC(2030, 0, 2, 3, 4, 5),
};

function form({ body = '' }: HttpRequest): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(body));
}

function whyOf(error: unknown): string {
  return isMachineError(error) ? String(error.why) : '';
}

test('a role is assumed with the keys of another profile', async (t) => {
  const { find, requests } = ask({
    tree: {
      [config]:
        '[profile build]\nrole_arn = arn:aws:iam::123456789012:role/build\nsource_profile = base\nexternal_id = x1\nrole_session_name = ci\nregion = eu-west-1\n',
      [credentialsFile]: keysOfBase,
    },
    answer: () => assumed('AssumeRole', 'ASIAROLE'),
  });
  t.deepEqual(await find('build'), { ...ofTheRole, from: 'the profile "build"' });
  t.is(requests.length, 1);
  const [request] = requests;
  t.is(request?.url, 'https://sts.eu-west-1.amazonaws.com/');
  t.deepEqual(request && form(request), {
    Action: 'AssumeRole',
    Version: '2011-06-15',
    RoleArn: 'arn:aws:iam::123456789012:role/build',
    RoleSessionName: 'ci',
    ExternalId: 'x1',
  });
  t.regex(
    request?.headers?.['authorization'] ?? '',
    /^AWS4-HMAC-SHA256 Credential=AKIABASE\/\d{8}\/eu-west-1\/sts\/aws4_request,/,
  );
});

test('a role is assumed with the keys of a role', async (t) => {
  const ids = ['ASIAFIRST', 'ASIAROLE'];
  const { find, requests } = ask({
    tree: {
      [config]: [
        '[profile outer]\nrole_arn = arn:aws:iam::2:role/outer\nsource_profile = inner\n',
        '[profile inner]\nrole_arn = arn:aws:iam::1:role/inner\nsource_profile = base\n',
      ].join(''),
      [credentialsFile]: keysOfBase,
    },
    answer: () => assumed('AssumeRole', ids.shift() ?? ''),
  });
  t.like(await find('outer'), ofTheRole);
  t.deepEqual(
    requests.map((request) => form(request)['RoleArn']),
    ['arn:aws:iam::1:role/inner', 'arn:aws:iam::2:role/outer'],
  );
  t.is(requests[1]?.headers?.['x-amz-security-token'], 'TOKEN');
});

test('roles in a circle, a source that is not there, a device that is asked for: each is said', async (t) => {
  const { find } = ask({
    tree: {
      [config]: [
        '[profile a]\nrole_arn = arn:a\nsource_profile = b\n[profile b]\nrole_arn = arn:b\nsource_profile = a\n',
        '[profile lost]\nrole_arn = arn:c\nsource_profile = nobody\n',
        '[profile mfa]\nrole_arn = arn:d\nsource_profile = base\nmfa_serial = arn:aws:iam::1:mfa/ann\n',
      ].join(''),
      [credentialsFile]: keysOfBase,
    },
  });
  for (const [profile, why] of [
    ['a', /of a profile that takes them of this one/],
    ['lost', /"nobody" is not there/],
    ['mfa', /code of a device/],
  ] as const) {
    const error = await t.throwsAsync(find(profile), { code: 'credentials-missing' });
    t.regex(whyOf(error), why);
  }
});

test('a role that is refused is told in the words of STS', async (t) => {
  const { find } = ask({
    tree: {
      [config]: '[profile build]\nrole_arn = arn:x\nsource_profile = base\n',
      [credentialsFile]: keysOfBase,
    },
    answer: () => ({
      status: 403,
      headers: {},
      body: '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole</Message></Error><RequestId>1</RequestId></ErrorResponse>',
    }),
  });
  const error = await t.throwsAsync(find('build'), { code: 'credentials-refused' });
  t.regex(whyOf(error), /AccessDenied: not authorized/);
  t.notRegex(`${error.message} ${whyOf(error)}`, /s3cr3t/);
});

test('a pod or a runner of CI shows the token of its identity, and signs nothing', async (t) => {
  const { find, requests } = ask({
    env: { AWS_ROLE_ARN: 'arn:aws:iam::1:role/ci', AWS_WEB_IDENTITY_TOKEN_FILE: '/run/token' },
    tree: { '/run/token': 'jwt.of.ci\n' },
    region: 'cn-north-1',
    answer: () => assumed('AssumeRoleWithWebIdentity', 'ASIAROLE'),
  });
  t.deepEqual(await find(), { ...ofTheRole, from: 'AWS_WEB_IDENTITY_TOKEN_FILE' });
  const [request] = requests;
  t.is(request?.url, 'https://sts.cn-north-1.amazonaws.com.cn/');
  t.like(request && form(request), { Action: 'AssumeRoleWithWebIdentity', WebIdentityToken: 'jwt.of.ci' });
  t.is(request?.headers?.['authorization'], undefined);
});

for (const [title, text, key] of [
  [
    'of a session',
    '[profile team]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Build & Run\n[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.example/start\n',
    'corp',
  ],
  [
    'of the older form',
    '[profile team]\nsso_start_url = https://corp.example/start\nsso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = Build & Run\n',
    'https://corp.example/start',
  ],
] as const) {
  const cache = `${home}/.aws/sso/cache/${createHash('sha1').update(key).digest('hex')}.json`;

  test(`single sign-on ${title}: the login that "aws sso login" keeps gives keys`, async (t) => {
    const { find, requests } = ask({
      tree: {
        [config]: text,
        [cache]: JSON.stringify({ accessToken: 'login', expiresAt: '2099-01-01T00:00:00Z' }),
      },
      answer: () =>
        ok(
          JSON.stringify({
            roleCredentials: {
              accessKeyId: 'ASIAROLE',
              secretAccessKey: 'of-the-role',
              sessionToken: 'TOKEN',
              expiration: ofTheRole.expiresMs,
            },
          }),
        ),
    });
    t.deepEqual(await find('team'), { ...ofTheRole, from: 'the profile "team"' });
    t.is(
      requests[0]?.url,
      'https://portal.sso.us-east-1.amazonaws.com/federation/credentials?role_name=Build%20%26%20Run&account_id=123456789012',
    );
    t.is(requests[0]?.headers?.['x-amz-sso_bearer_token'], 'login');
  });

  test(`single sign-on ${title}: without a login the command that makes one is named`, async (t) => {
    for (const tree of [
      { [config]: text },
      {
        [config]: text,
        [cache]: JSON.stringify({ accessToken: 'login', expiresAt: '2001-01-01T00:00:00Z' }),
      },
      { [config]: text, [cache]: '{"accessTo' },
    ]) {
      const error = await t.throwsAsync(ask({ tree }).find('team'), { code: 'credentials-missing' });
      t.deepEqual(isMachineError(error) && error.remedies, ['Log in again: aws sso login --profile team']);
    }
  });
}

test('a program that prints credentials is run without a shell', async (t) => {
  const { find, host } = ask({
    tree: { [config]: '[default]\ncredential_process = /opt/keys "for us" --json\n' },
  });
  host.processes.answer('/opt/keys', {
    stdout: JSON.stringify({ Version: 1, AccessKeyId: 'AKIAP', SecretAccessKey: 's', SessionToken: 'T' }),
  });
  t.deepEqual(await find(), {
    credentials: { accessKeyId: 'AKIAP', secretAccessKey: 's', sessionToken: 'T' },
    from: 'the profile "default"',
  });
  t.deepEqual(host.processes.argumentsOf('/opt/keys'), [['for us', '--json']]);
  host.processes.answer('/opt/keys', { stdout: 'no keys today' });
  await t.throwsAsync(find(), { code: 'credentials-missing', message: /"default"/ });
});

function metadata({ method, url, headers }: HttpRequest): HttpAnswer {
  if (method === 'PUT' && url.endsWith('/latest/api/token')) {
    return ok('TOK');
  }
  if (headers?.['x-aws-ec2-metadata-token'] !== 'TOK') {
    return { status: 401, headers: {}, body: '' };
  }
  return url.endsWith('/security-credentials/')
    ? ok('builder')
    : ok(
        JSON.stringify({
          Code: 'Success',
          AccessKeyId: 'ASIAROLE',
          SecretAccessKey: 'of-the-role',
          Token: 'TOKEN',
          Expiration: '2030-01-02T03:04:05Z',
        }),
      );
}

test('an instance has the keys of its role, by version 2 of the metadata service', async (t) => {
  const { find, requests } = ask({ answer: metadata });
  t.deepEqual(await find(), { ...ofTheRole, from: 'the role builder of this instance' });
  t.deepEqual(
    requests.map(({ method, url }) => `${method} ${url.replace('http://169.254.169.254/latest/', '')}`),
    [
      'PUT api/token',
      'GET meta-data/iam/security-credentials/',
      'GET meta-data/iam/security-credentials/builder',
    ],
  );
});

test('a computer that is no instance, or must not ask: what is missing is said', async (t) => {
  const silent = ask({
    answer: () => {
      throw new Error('connect ETIMEDOUT');
    },
  });
  await t.throwsAsync(silent.find(), { code: 'credentials-missing' });
  const forbidden = ask({ env: { AWS_EC2_METADATA_DISABLED: 'true' }, answer: metadata });
  await t.throwsAsync(forbidden.find(), { code: 'credentials-missing' });
  t.deepEqual(forbidden.requests, []);
});

test('a container has the keys of its task, or of its pod by a token in a file', async (t) => {
  const body = JSON.stringify({
    AccessKeyId: 'ASIAROLE',
    SecretAccessKey: 'of-the-role',
    Token: 'TOKEN',
    Expiration: '2030-01-02T03:04:05Z',
  });
  const task = ask({ env: { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/x' }, answer: () => ok(body) });
  t.like(await task.find(), ofTheRole);
  t.is(task.requests[0]?.url, 'http://169.254.170.2/v2/x');
  const pod = ask({
    env: {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/v1/credentials',
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/run/pod-token',
    },
    tree: { '/run/pod-token': 'pod\n' },
    answer: () => ok(body),
  });
  t.like(await pod.find(), ofTheRole);
  t.is(pod.requests[0]?.headers?.['authorization'], 'pod');
  const broken = ask({ env: { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/x' } });
  await t.throwsAsync(broken.find(), { code: 'credentials-missing', message: /container/ });
});

test('what is given goes before what lies about', async (t) => {
  const tree = {
    [credentialsFile]: `${keysOfBase}[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = d\n`,
  };
  const env = { AWS_ACCESS_KEY_ID: 'AKIAENV', AWS_SECRET_ACCESS_KEY: 'e' };
  t.is((await ask({ env, tree }).find()).credentials.accessKeyId, 'AKIAENV');
  t.is((await ask({ env, tree }).find('base')).credentials.accessKeyId, 'AKIABASE');
  t.is((await ask({ tree }).find()).credentials.accessKeyId, 'AKIADEFAULT');
  t.is((await ask({ env: { AWS_PROFILE: 'base' }, tree }).find()).credentials.accessKeyId, 'AKIABASE');
  await t.throwsAsync(ask({ env, tree }).find('typo'), { code: 'credentials-missing', message: /"typo"/ });
});
