import test from 'ava';
import { findToken } from '../../../../src/drivers/digitalocean/credentials.ts';
import { parseDoctlConfig } from '../../../../src/drivers/digitalocean/doctl.ts';
import { createFakeHost } from '../../../fakes/host.ts';

const yaml = `access-token: of-default
api-url: ""
auth-contexts:
    work: of-work
    "odd name": 'of-odd'
context: default
droplet:
    create:
        image: x
output: text
`;
const file = '/home/ann/.config/doctl/config.yaml';

async function found(
  sources: { readonly given?: string; readonly context?: string },
  options: Parameters<typeof createFakeHost>[0] = {},
): Promise<string> {
  const host = createFakeHost({ homeDirectory: '/home/ann', ...options });
  const { token, from } = await findToken(host, { given: '', context: '', ...sources });
  return `${token} from ${from}`;
}

test('the order in which a token is looked for', async (t) => {
  const env = { DIGITALOCEAN_ACCESS_TOKEN: 'of-env', DIGITALOCEAN_TOKEN: 'of-other-env' };
  const tree = { [file]: yaml };
  t.is(await found({ given: 'of-flag', context: 'work' }, { env, tree }), 'of-flag from the flag');
  t.is(await found({ context: 'work' }, { env, tree }), `of-work from ${file}`);
  t.is(await found({}, { env, tree }), 'of-env from DIGITALOCEAN_ACCESS_TOKEN');
  t.is(
    await found({}, { env: { ...env, DIGITALOCEAN_ACCESS_TOKEN: '' }, tree }),
    'of-other-env from DIGITALOCEAN_TOKEN',
  );
  t.is(await found({}, { tree }), `of-default from ${file}`);
  t.is(
    await found({}, { tree: { [file]: yaml.replace('context: default', 'context: work') } }),
    `of-work from ${file}`,
  );
});

test("doctl's file on each platform", async (t) => {
  const snap = '/home/ann/snap/doctl/current/.config/doctl/config.yaml';
  t.is(await found({}, { tree: { [snap]: yaml } }), `of-default from ${snap}`);
  const xdg = '/etc/ann/doctl/config.yaml';
  t.is(
    await found({}, { env: { XDG_CONFIG_HOME: '/etc/ann' }, tree: { [xdg]: yaml } }),
    `of-default from ${xdg}`,
  );
  const mac = '/Users/ann/Library/Application Support/doctl/config.yaml';
  t.is(
    await found({}, { platform: 'darwin', homeDirectory: '/Users/ann', tree: { [mac]: yaml } }),
    `of-default from ${mac}`,
  );
  const windows = 'C:\\Users\\ann\\AppData\\Roaming\\doctl\\config.yaml';
  const env = { APPDATA: 'C:\\Users\\ann\\AppData\\Roaming' };
  t.is(
    await found({}, { platform: 'win32', homeDirectory: 'C:\\Users\\ann', env, tree: { [windows]: yaml } }),
    `of-default from ${windows}`,
  );
});

test('no token, one of a context that is not there, and one that no header can carry', async (t) => {
  const expected = {
    code: 'credentials-missing',
    message: 'digitalocean driver requires the --digitalocean-access-token option',
  };
  await t.throwsAsync(found({}), expected);
  await t.throwsAsync(
    found({ context: 'toString' }, { tree: { [file]: yaml }, env: { DIGITALOCEAN_ACCESS_TOKEN: 'x' } }),
    expected,
  );
  await t.throwsAsync(found({ given: 'a\r\nb' }), expected);
});

test('the configuration of doctl', (t) => {
  t.deepEqual(parseDoctlConfig(yaml), {
    accessToken: 'of-default',
    context: 'default',
    contexts: new Map([
      ['work', 'of-work'],
      ['odd name', 'of-odd'],
    ]),
  });
  t.deepEqual(parseDoctlConfig('access-token: x # of ann\ncontext: work\r\nauth-contexts: {}\n'), {
    accessToken: 'x',
    context: 'work',
    contexts: new Map(),
  });
});
