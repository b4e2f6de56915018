import test from 'ava';
import { macProxies, proxyVariables, windowsProxies } from '../../../../src/machine/follow/system-proxies.ts';
import { openTestSession } from '../support.ts';

// Neither macOS nor Windows has run this: what their programs print is written down from their documentation.

const mac = `<dictionary> {
  ExceptionsList : <array> {
    0 : *.local
    1 : 169.254/16
    2 : intra.example
  }
  ExcludeSimpleHostnames : 0
  FTPPassive : 1
  HTTPEnable : 1
  HTTPPort : 8080
  HTTPProxy : proxy.example
  HTTPSEnable : 1
  HTTPSPort : 8443
  HTTPSProxy : secure.example
  ProxyAutoConfigEnable : 0
  SOCKSEnable : 0
}
`;

const windows = (server: string, enabled = '0x1'): string =>
  `
HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings
    User Agent    REG_SZ    Mozilla/4.0 (compatible; MSIE 8.0; Win32)
    ProxyEnable    REG_DWORD    ${enabled}
    ProxyServer    REG_SZ    ${server}
    ProxyOverride    REG_SZ    *.corp.example;10.*;192.168.*;host.example;<local>
    MigrateProxy    REG_DWORD    0x1

`.replaceAll('\n', '\r\n');

test('macOS: both servers and the exceptions; what is switched off is none', (t) => {
  t.deepEqual(macProxies(mac), {
    HTTP_PROXY: 'http://proxy.example:8080',
    HTTPS_PROXY: 'http://secure.example:8443',
    NO_PROXY: '.local,169.254.0.0/16,intra.example',
  });
  const off = macProxies(mac.replace('HTTPEnable : 1', 'HTTPEnable : 0'));
  t.false('HTTP_PROXY' in off);
  t.is(off['HTTPS_PROXY'], 'http://secure.example:8443');
  t.deepEqual(macProxies('<dictionary> {\n}\n'), {});
  t.deepEqual(macProxies(''), {});
});

test('Windows: one server for all, or one for each', (t) => {
  const NO_PROXY = '.corp.example,10.0.0.0/8,192.168.0.0/16,host.example';
  t.deepEqual(windowsProxies(windows('proxy.example:8080')), {
    HTTP_PROXY: 'proxy.example:8080',
    HTTPS_PROXY: 'proxy.example:8080',
    NO_PROXY,
  });
  t.deepEqual(windowsProxies(windows('ftp=f.example:21;http=a.example:80;https=b.example:443')), {
    HTTP_PROXY: 'a.example:80',
    HTTPS_PROXY: 'b.example:443',
    NO_PROXY,
  });
  t.deepEqual(windowsProxies(windows('proxy.example:8080', '0x0')), {});
  t.deepEqual(windowsProxies(''), {});
});

test('the environment counts before the settings; Linux has no others', async (t) => {
  for (const [platform, program, text] of [
    ['darwin', 'scutil', mac],
    ['win32', 'reg.exe', windows('proxy.example:8080')],
  ] as const) {
    const session = openTestSession({ platform });
    session.host.processes.answer(program, { stdout: text });
    t.regex((await proxyVariables(session))['HTTP_PROXY'] ?? '', /proxy\.example:8080$/);
    const named = openTestSession({ platform, env: { https_proxy: 'http://own:1' } });
    t.deepEqual(await proxyVariables(named), { https_proxy: 'http://own:1' });
    t.deepEqual(named.host.processes.calls, []);
    t.deepEqual(await proxyVariables(openTestSession({ platform })), {}, 'no such program');
  }
  const linux = openTestSession();
  t.deepEqual(await proxyVariables(linux), {});
  t.deepEqual(linux.host.processes.calls, []);
});
