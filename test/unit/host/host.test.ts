import test from 'ava';
import { BUSY_ATTEMPTS_MAX, retryBusy } from '../../../src/host/files.ts';
import { startTimeFromStat } from '../../../src/host/processes.ts';
import { isLoopback, proxyFor } from '../../../src/host/proxy.ts';

const failing = (code: string, times: number): { action: () => Promise<string>; calls: () => number } => {
  let calls = 0;
  const action = async (): Promise<string> => {
    calls += 1;
    if (calls <= times) {
      throw Object.assign(new Error(code), { code });
    }
    return 'done';
  };
  return { action, calls: () => calls };
};

test('Windows tries a busy file again, with growing pauses and an end', async (t) => {
  const pauses: number[] = [];
  const windows = {
    platform: 'win32' as const,
    sleep: async (ms: number): Promise<void> => {
      pauses.push(ms);
    },
  };
  for (const code of ['EPERM', 'EBUSY', 'EACCES']) {
    t.is(await retryBusy(failing(code, 3).action, windows), 'done');
  }
  t.deepEqual(pauses.slice(0, 3), [20, 40, 60]);
  const always = failing('EBUSY', 1000);
  await t.throwsAsync(retryBusy(always.action, windows), { message: 'EBUSY' });
  t.is(always.calls(), BUSY_ATTEMPTS_MAX);
  const other = failing('ENOSPC', 1000);
  await t.throwsAsync(retryBusy(other.action, windows), { message: 'ENOSPC' });
  t.is(other.calls(), 1);
});

test('elsewhere the first error counts', async (t) => {
  const busy = failing('EBUSY', 1);
  await t.throwsAsync(retryBusy(busy.action, { platform: 'linux', sleep: () => Promise.resolve() }));
  t.is(busy.calls(), 1);
});

test('the start time is found behind any program name, and a zombie has none', (t) => {
  const rest = '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20';
  t.is(startTimeFromStat(`12 (a b) c) S ${rest}`, 'boot'), 'boot/4711');
  t.is(startTimeFromStat(`12 (sh) Z ${rest}`, 'boot'), undefined);
  t.is(startTimeFromStat(`12 (sh) X ${rest}`, 'boot'), undefined);
  t.is(startTimeFromStat('', 'boot'), undefined);
});

test('the proxy of the environment', (t) => {
  const proxy = (env: Record<string, string>, host = 'deb.example.org', port = 443): string | undefined =>
    proxyFor(env, host, port)?.href;
  t.is(proxy({}), undefined);
  t.is(proxy({ HTTPS_PROXY: 'http://p:3128' }), 'http://p:3128/');
  t.is(proxy({ https_proxy: 'p:3128', HTTPS_PROXY: 'http://q' }), 'http://p:3128/');
  t.is(proxy({ ALL_PROXY: 'https://p' }), 'https://p/');
  t.is(proxy({ HTTPS_PROXY: 'http://p' }, 'localhost'), undefined);
  t.is(proxy({ HTTPS_PROXY: 'http://p' }, '127.0.0.1'), undefined);
  t.throws(() => proxy({ HTTPS_PROXY: 'socks5://p' }), { message: /not an http/ });
});

test('hosts that NO_PROXY names are reached directly', (t) => {
  const env = { HTTPS_PROXY: 'http://p', NO_PROXY: ' .example.org, 10.0.0.1 other.net:8443,*.dev,[::2]' };
  const isDirect = (host: string, port = 443): boolean => proxyFor(env, host, port) === undefined;
  t.true(isDirect('deb.example.org'));
  t.true(isDirect('example.org'));
  t.true(isDirect('DEB.EXAMPLE.ORG'));
  t.false(isDirect('notexample.org'));
  t.true(isDirect('10.0.0.1'));
  t.true(isDirect('other.net', 8443));
  t.false(isDirect('other.net'));
  t.true(isDirect('x.dev'));
  t.true(isDirect('::2'));
  t.true(proxyFor({ ...env, NO_PROXY: '*' }, 'a.b', 443) === undefined);
});

test('loopback', (t) => {
  for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '127.9.9.9', '::1', '[::1]']) {
    t.true(isLoopback(host), host);
  }
  for (const host of ['localhost.example.org', '127.0.0.1.example.org', '128.0.0.1', '::2', '']) {
    t.false(isLoopback(host), host);
  }
});
