import test from 'ava';
import { loadDriver } from '../../../../src/drivers/registry.ts';
import { engineFiles } from '../../../../src/machine/follow/engine.ts';
import { hostProxies } from '../../../../src/machine/follow/proxies.ts';
import { newSidecar, ownDataOf } from '../../../../src/machine/own-data.ts';
import { newRecord } from '../../../../src/store/new-record.ts';
import { noneRequest, openTestSession, storePath } from '../support.ts';

const gateway = '10.0.2.2';

const cases: readonly (readonly [string, Record<string, string>, readonly string[]])[] = [
  ['none', {}, []],
  ['empty variables', { HTTP_PROXY: '', https_proxy: ' ' }, []],
  [
    'upper case before lower case, names in upper case',
    { HTTP_PROXY: 'http://a:1', http_proxy: 'http://b:2', https_proxy: 'http://c:3' },
    ['HTTP_PROXY=http://a:1', 'HTTPS_PROXY=http://c:3'],
  ],
  [
    'exceptions',
    { HTTP_PROXY: 'http://a:1', NO_PROXY: '.corp,10.0.0.0/8' },
    ['HTTP_PROXY=http://a:1', 'NO_PROXY=.corp,10.0.0.0/8'],
  ],
  ['exceptions without a proxy', { NO_PROXY: 'x' }, []],
  ['without a scheme', { HTTP_PROXY: 'proxy.corp:3128' }, ['HTTP_PROXY=proxy.corp:3128']],
  ['on loopback, without a scheme', { HTTP_PROXY: 'localhost:3128' }, [`HTTP_PROXY=http://${gateway}:3128`]],
  [
    'on loopback, with a password that has an @ in it',
    { HTTPS_PROXY: 'http://ann:p%40s@127.0.0.1:3128/' },
    [`HTTPS_PROXY=http://ann:p%40s@${gateway}:3128/`],
  ],
  ['on loopback of IPv6', { HTTPS_PROXY: 'socks5://[::1]:1080' }, [`HTTPS_PROXY=socks5://${gateway}:1080`]],
  [
    'a name that only begins like loopback',
    { HTTP_PROXY: 'http://127.proxy:1' },
    ['HTTP_PROXY=http://127.proxy:1'],
  ],
  ['what is no URL', { HTTP_PROXY: 'http://[' }, ['HTTP_PROXY=http://[']],
  ['what would be two lines', { HTTP_PROXY: 'http://a:1\nEVIL=1' }, []],
];

for (const [what, env, expected] of cases) {
  test(`proxies: ${what}`, (t) => {
    t.deepEqual(hostProxies(env, gateway, []), { env: expected, unreachable: [] });
  });
}

test('where a machine does not reach loopback, such a proxy is left out, and told', (t) => {
  const env = { HTTP_PROXY: 'http://127.0.0.1:3128', HTTPS_PROXY: 'http://proxy.corp:3128' };
  t.deepEqual(hostProxies(env, undefined, []), {
    env: ['HTTPS_PROXY=http://proxy.corp:3128'],
    unreachable: ['HTTP_PROXY'],
  });
});

test('what was given by --engine-env counts, in upper case or lower', (t) => {
  const env = { HTTP_PROXY: 'http://a:1', HTTPS_PROXY: 'http://a:1' };
  t.deepEqual(hostProxies(env, gateway, ['https_proxy=http://own:1']).env, ['HTTP_PROXY=http://a:1']);
});

test('the guest gets both, and what is said has no password in it', async (t) => {
  const session = openTestSession({ env: { HTTPS_PROXY: 'http://ann:secret@localhost:3128' } });
  t.teardown(session.close);
  const driver = await loadDriver('qemu', session);
  const record = newRecord({
    storePath,
    name: 'm',
    driverName: 'qemu',
    driver: {},
    engine: { Env: ['A=1'] },
  });
  const machine = { name: 'm', directory: `${storePath}/machines/m`, record, driver, config: {} };
  const own = (ignores: readonly 'proxies'[]): ReturnType<typeof ownDataOf> => {
    const request = noneRequest('m', { ignores });
    return ownDataOf(newSidecar(session, request, { sharing: { shares: [], way: undefined } }));
  };
  const followed = await engineFiles(session, machine, own([]));
  t.is(followed['engine-env'], 'A=1\nHTTPS_PROXY=http://ann:secret@10.0.2.2:3128\n');
  t.regex(JSON.stringify(session.events), /HTTPS_PROXY/);
  t.notRegex(JSON.stringify(session.events), /secret/);
  t.is((await engineFiles(session, machine, own(['proxies'])))['engine-env'], 'A=1\n');
});
