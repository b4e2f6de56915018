import test from 'ava';
import { readError, sessionOf } from '../../../../src/drivers/openstack/api/keystone.ts';
import { readConfig } from '../../../../src/drivers/openstack/config.ts';
import { callerRange } from '../../../../src/drivers/openstack/caller-address.ts';
import {
  authBody,
  findIdentity,
  type Identity,
} from '../../../../src/drivers/openstack/credentials/identity.ts';
import { redactText } from '../../../../src/cloud/redact.ts';
import { createFakeHost, createSocketPair, type FakeHostOptions } from '../../../fakes/host.ts';

const keystone = { AuthUrl: 'https://keystone.example:5000' };
const ann = { ...keystone, Username: 'ann', TenantName: 'demo' };

async function find(
  options: FakeHostOptions,
  record: Readonly<Record<string, unknown>>,
  more: {
    readonly cloud?: string;
    readonly secrets?: Readonly<Record<string, string>>;
    readonly projectId?: string;
  } = {},
): Promise<Identity> {
  return findIdentity(createFakeHost(options), {
    config: readConfig(record),
    secrets: more.secrets ?? {},
    cloud: more.cloud ?? '',
    projectId: more.projectId ?? '',
  });
}

test('a user by name is one of the default domain, unless one is named', async (t) => {
  const identity = await find({ env: { OS_PASSWORD: 'hush' } }, ann);
  t.is(identity.authUrl, 'https://keystone.example:5000/v3');
  t.deepEqual(authBody(identity), {
    auth: {
      identity: {
        methods: ['password'],
        password: { user: { name: 'ann', domain: { id: 'default' }, password: 'hush' } },
      },
      scope: { project: { name: 'demo', domain: { id: 'default' } } },
    },
  });
  const named = await find(
    { env: {} },
    { ...ann, DomainID: 'd1', UserDomainName: 'Users', Password: 'kept', TenantDomainId: 'p1' },
  );
  t.deepEqual(named.method, {
    kind: 'password',
    user: { name: 'ann', domain: { name: 'Users' } },
    password: 'kept',
  });
  t.deepEqual(named.project, { name: 'demo', domain: { id: 'p1' } });
});

test('what flags say goes before the cloud, and that before the environment', async (t) => {
  const tree = {
    '/home/ann/.config/openstack/clouds.yaml': [
      'clouds:',
      '  home:',
      '    auth: {}',
      '  office:',
      '    auth:',
      '      auth_url: http://10.0.0.5/identity/v3/',
      '      username: bob',
      '      project_id: p2',
      '    region_name: Two',
      '    interface: internal',
      '    verify: false',
      '    cacert: /etc/ca.pem',
      '',
    ].join('\n'),
    '/home/ann/.config/openstack/secure.yaml': 'clouds:\n  office:\n    auth:\n      password: of-the-file\n',
  };
  const env = { OS_PASSWORD: 'of-the-environment', OS_PROJECT_NAME: 'of-the-environment' };
  const options = { env, tree, homeDirectory: '/home/ann' };
  const identity = await find(options, { Username: 'carol' }, { cloud: 'office' });
  t.like(identity, {
    authUrl: 'http://10.0.0.5/identity/v3',
    region: 'Two',
    interfaceName: 'internal',
    isInsecure: true,
    caPath: '/etc/ca.pem',
    project: { id: 'p2' },
    method: { kind: 'password', user: { name: 'carol' }, password: 'of-the-file' },
  });
  const given = { secrets: { 'openstack-password': 'of-the-flag' }, cloud: 'office' };
  t.like((await find(options, {}, given)).method, { password: 'of-the-flag' });
  const none = await t.throwsAsync(find(options, {}, { cloud: 'nosuch' }), { code: 'credentials-missing' });
  t.regex(none.message, /"nosuch" is not known/);
  await t.throwsAsync(find(options, {}, { cloud: 'home' }), { code: 'credentials-missing' });
  const broken = { ...options, tree: { '/home/ann/.config/openstack/clouds.yaml': 'clouds: &x {}' } };
  await t.throwsAsync(find(broken, {}, { cloud: 'home' }), { message: /clouds\.yaml cannot be read/ });
});

test('openrc files of today say project where docker-machine says tenant', async (t) => {
  const env = {
    OS_PASSWORD: 'x',
    OS_PROJECT_ID: 'p1',
    OS_INTERFACE: 'admin',
    OS_AUTH_URL: 'https://k.example/v2.0',
  };
  const identity = await find({ env }, { Username: 'ann' });
  t.like(identity, { project: { id: 'p1' }, interfaceName: 'admin', authUrl: 'https://k.example/v3' });
});

test('application credentials and tokens', async (t) => {
  const env = { OS_APPLICATION_CREDENTIAL_SECRET: 'hush' };
  const byId = await find({ env }, { ...keystone, ApplicationCredentialId: 'a1', TenantName: 'demo' });
  t.deepEqual(authBody(byId), {
    auth: {
      identity: {
        methods: ['application_credential'],
        application_credential: { id: 'a1', secret: 'hush' },
      },
    },
  });
  const byName = await find({ env }, { ...keystone, ApplicationCredentialName: 'ci', UserId: 'u1' });
  t.like(byName.method, { name: 'ci', user: { id: 'u1' } });
  const token = await find({ env: { OS_TOKEN: 'tok' } }, keystone, { projectId: 'p9' });
  t.deepEqual(authBody(token), {
    auth: { identity: { methods: ['token'], token: { id: 'tok' } }, scope: { project: { id: 'p9' } } },
  });
});

for (const [record, env, message] of [
  [ann, {}, /^Password must be specified .* OS_PASSWORD .* --openstack-password$/],
  [keystone, { OS_PASSWORD: 'x' }, /^Username must be specified/],
  [{ ...keystone, Username: 'ann' }, { OS_PASSWORD: 'x' }, /^Tenant id or name must be provided/],
  [{ ...keystone, ApplicationCredentialId: 'a' }, {}, /^Application credential secret must be/],
  [
    { ...keystone, ApplicationCredentialName: 'a' },
    { OS_APPLICATION_CREDENTIAL_SECRET: 'x' },
    /needs a user/,
  ],
  [{ Username: 'ann', TenantId: 'x' }, { OS_PASSWORD: 'x' }, /^Authentication URL must be specified/],
] as const) {
  test(`what is missing is said: ${String(message)}`, async (t) => {
    await t.throwsAsync(find({ env }, record), { code: 'credentials-missing', message });
  });
}

function tokenBody(regions: readonly string[], url = 'https://nova.example/v2.1/'): unknown {
  const endpoints = regions.map((region) => ({ interface: 'public', region_id: region, url }));
  return {
    token: {
      project: { id: 'p1' },
      expires_at: '2026-01-02T04:00:00.000000Z',
      catalog: [
        { type: 'compute', endpoints },
        {
          type: 'network',
          endpoints: [{ interface: 'public', region: 'One', url: 'https://neutron.example' }],
        },
        {
          type: 'block-storage',
          endpoints: [{ interface: 'public', region: 'One', url: 'https://cinder.example/' }],
        },
        {
          type: 'image',
          endpoints: [{ interface: 'internal', region: 'One', url: 'https://glance.example' }],
        },
      ],
    },
  };
}

test('the catalogue of a token: services of a region and an interface, with versions', (t) => {
  const place = { region: 'One', interfaceName: 'public' } as const;
  t.deepEqual(sessionOf(tokenBody(['Two', 'One']), 'tok', place), {
    token: 'tok',
    projectId: 'p1',
    expiresMs: Date.UTC(2026, 0, 2, 4),
    urls: {
      compute: 'https://nova.example/v2.1',
      network: 'https://neutron.example/v2.0',
      volume: 'https://cinder.example/v3/p1',
    },
  });
  const several = { ...place, region: '' };
  t.throws(() => sessionOf(tokenBody(['Two', 'One']), 'tok', several), {
    message: 'There are several regions.',
  });
  t.is(sessionOf(tokenBody(['One']), 'tok', several).urls.compute, 'https://nova.example/v2.1');
  t.throws(() => sessionOf({ token: {} }, 'tok', place), { code: 'credentials-refused' });
  t.throws(() => sessionOf(tokenBody([]), undefined, place), { code: 'request-failed' });
});

test('errors of each service', (t) => {
  t.deepEqual(readError({ itemNotFound: { code: 404, message: 'gone' } }), {
    code: 'itemNotFound',
    message: 'gone',
  });
  t.deepEqual(readError({ error: { code: 401, title: 'Unauthorized', message: 'no' } }), {
    code: 'Unauthorized',
    message: 'no',
  });
  t.deepEqual(readError({ NeutronError: { type: 'OverQuota', message: 'full', detail: '' } }), {
    code: 'OverQuota',
    message: 'full',
  });
  t.deepEqual(readError({ NeutronError: 'old' }), { code: 'NeutronError', message: 'old' });
  for (const other of [undefined, null, 'x', {}, { a: 1 }, []]) {
    t.is(readError(other), undefined);
  }
});

test('nothing that Keystone is told stands in a log', async (t) => {
  const env = { OS_PASSWORD: 'hush', OS_APPLICATION_CREDENTIAL_SECRET: 'hush', OS_TOKEN: 'hush' };
  for (const record of [ann, { ...keystone, ApplicationCredentialId: 'a1' }]) {
    t.false(redactText(JSON.stringify(authBody(await find({ env }, record)))).includes('hush'));
  }
  const token = await find({ env: { OS_TOKEN: 'hush' } }, keystone);
  t.false(redactText(JSON.stringify(authBody(token))).includes('hush'));
  t.false(redactText('{"server":{"adminPass":"hush"}}').includes('hush'));
});

test('a Keystone in the same house sees us by another address than the internet', async (t) => {
  const signal = new AbortController().signal;
  const place = { authUrl: 'https://keystone.example/v3', ipVersion: 4 } as const;
  const at = (remote: string) => {
    const host = createFakeHost();
    host.network.onConnect = () =>
      Object.assign(createSocketPair()[0], { localAddress: '::ffff:10.1.2.3', remoteAddress: remote });
    host.http.onRequest = () => ({ status: 200, headers: {}, body: '203.0.113.9\n' });
    return host;
  };
  t.is(await callerRange({ host: at('10.0.0.5'), signal }, place), '10.1.2.3/32');
  t.is(await callerRange({ host: at('::ffff:192.168.7.1'), signal }, place), '10.1.2.3/32');
  t.is(await callerRange({ host: at('198.51.100.5'), signal }, place), '203.0.113.9/32');
  const sixth = { ...place, ipVersion: 6 } as const;
  await t.throwsAsync(callerRange({ host: at('10.0.0.5'), signal }, sixth), {
    message: /from where the ports/,
  });
});
