import test from 'ava';
import { findToken } from '../../../../src/drivers/hetzner/credentials.ts';
import { readHcloudConfig, tokenOfContext } from '../../../../src/drivers/hetzner/hcloud-config.ts';
import { createFakeHost, type FakeHost } from '../../../fakes/host.ts';

const toml = `active_context = "work" # the usual one

[preferences]
  name = "no context"

[[contexts]]
  name = "home"
  token = 'token-of-home'
  [contexts.preferences]
    token = "no token"

[[contexts]]
  token = "token-of-\\"work\\""
  name = "work"

[[contexts]]
  name = "empty"
`;

function hostWith(env: Readonly<Record<string, string>>): FakeHost {
  const host = createFakeHost({ env });
  host.files.put(`${host.facts.homeDirectory}/.config/hcloud/cli.toml`, toml);
  host.files.put('/etc/hcloud.toml', '[[contexts]]\nname = "other"\ntoken = "token-of-other"\n');
  return host;
}

const none = { given: '', context: '' };

test('contexts of hcloud', (t) => {
  const config = readHcloudConfig(toml);
  t.is(config.active, 'work');
  t.deepEqual(tokenOfContext(config, ''), { token: 'token-of-"work"', context: 'work' });
  t.deepEqual(tokenOfContext(config, 'home'), { token: 'token-of-home', context: 'home' });
  t.is(tokenOfContext(config, 'empty'), undefined);
  t.is(tokenOfContext(config, 'nowhere'), undefined);
  t.is(tokenOfContext(readHcloudConfig('=[[[\n"\n'), ''), undefined);
});

for (const [what, env, sources, token] of [
  ['a flag goes before all', { HETZNER_API_TOKEN: 'e' }, { given: 'f', context: 'home' }, 'f'],
  [
    'a named context goes before the environment',
    { HCLOUD_TOKEN: 'e' },
    { given: '', context: 'home' },
    'token-of-home',
  ],
  [
    "docker-machine's variable goes before hcloud's",
    { HETZNER_API_TOKEN: 'e', HCLOUD_TOKEN: 'h' },
    none,
    'e',
  ],
  ["hcloud's variable", { HCLOUD_TOKEN: ' h\n' }, none, 'h'],
  ['the active context', {}, none, 'token-of-"work"'],
  ['another file', { HCLOUD_CONFIG: '/etc/hcloud.toml' }, { given: '', context: 'other' }, 'token-of-other'],
] as const) {
  test(`the token: ${what}`, async (t) => {
    t.is((await findToken(hostWith(env), sources)).token, token);
  });
}

test('no token is an error that says where one could be', async (t) => {
  const error = await t.throwsAsync(findToken(createFakeHost({}), none), { code: 'credentials-missing' });
  t.regex(error.message, /--hetzner-api-token/);
  await t.throwsAsync(findToken(hostWith({}), { given: '', context: 'nowhere' }), {
    code: 'credentials-missing',
    message: /no context "nowhere"/,
  });
});
