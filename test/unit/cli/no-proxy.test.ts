import test from 'ava';
import { addToNoProxy, removeFromNoProxy } from '../../../src/cli/no-proxy.ts';

const address = '127.0.0.1';
const proxy = { HTTPS_PROXY: 'http://proxy.example:3128' };

test('nothing without a proxy, unless it is asked for', (t) => {
  t.is(addToNoProxy({}, address, false), undefined);
  t.deepEqual(addToNoProxy({}, address, true), { variable: 'NO_PROXY', value: address });
});

test('the address is added behind what is there', (t) => {
  t.deepEqual(addToNoProxy({ ...proxy, NO_PROXY: 'a.b' }, address, false), {
    variable: 'NO_PROXY',
    value: 'a.b,127.0.0.1',
  });
  t.deepEqual(addToNoProxy({ ...proxy, no_proxy: 'x', NO_PROXY: 'y' }, address, false), {
    variable: 'no_proxy',
    value: 'x,127.0.0.1',
  });
  t.deepEqual(addToNoProxy({ http_proxy: 'x' }, '10.0.0.1', false), {
    variable: 'NO_PROXY',
    value: '10.0.0.1',
  });
});

test('an address that is covered is not added: whole entries count, not parts of them', (t) => {
  for (const value of ['127.0.0.1', 'a, 127.0.0.1 ,b', '*', '127.0.0.0/8']) {
    t.is(addToNoProxy({ ...proxy, NO_PROXY: value }, address, false), undefined, value);
    t.deepEqual(addToNoProxy({ NO_PROXY: value }, address, true), { variable: 'NO_PROXY', value });
  }
  t.not(addToNoProxy({ ...proxy, NO_PROXY: '127.0.0.10' }, address, false), undefined);
  t.is(addToNoProxy({ ...proxy, NO_PROXY: '.example.org' }, 'm.example.org', false), undefined);
  t.not(addToNoProxy({ ...proxy, NO_PROXY: 'ample.org' }, 'm.example.org', false), undefined);
});

test('unset takes away what was added and nothing else', (t) => {
  const env = { DOCKER_HOST: 'tcp://127.0.0.1:2376' };
  t.deepEqual(removeFromNoProxy({ ...env, NO_PROXY: 'a.b,127.0.0.1' }), {
    variable: 'NO_PROXY',
    value: 'a.b',
  });
  t.deepEqual(removeFromNoProxy({ ...env, NO_PROXY: '127.0.0.1' }), {
    variable: 'NO_PROXY',
    value: undefined,
  });
  t.is(removeFromNoProxy({ ...env, NO_PROXY: '127.0.0.1,a.b' }), undefined);
  t.is(removeFromNoProxy({ NO_PROXY: 'a.b' }), undefined);
  t.deepEqual(removeFromNoProxy(env), { variable: 'NO_PROXY', value: undefined });
  t.deepEqual(removeFromNoProxy({ DOCKER_HOST: 'tcp://[::1]:2376', NO_PROXY: 'a,::1' }), {
    variable: 'NO_PROXY',
    value: 'a',
  });
});
