import test from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import { parseEngineUrl } from '../../../src/engine/address.ts';

test('addresses of engines', (t) => {
  t.deepEqual(parseEngineUrl('tcp://127.0.0.1:49160'), { kind: 'tcp', host: '127.0.0.1', port: 49160 });
  t.deepEqual(parseEngineUrl('tcp://[::1]:2376'), { kind: 'tcp', host: '::1', port: 2376 });
  t.deepEqual(parseEngineUrl('tcp://build.example.com'), {
    kind: 'tcp',
    host: 'build.example.com',
    port: 2376,
  });
  t.deepEqual(parseEngineUrl('tcp://10.0.0.1:2376/'), { kind: 'tcp', host: '10.0.0.1', port: 2376 });
  t.deepEqual(parseEngineUrl('unix:///var/run/docker.sock'), {
    kind: 'socket',
    path: '/var/run/docker.sock',
  });
  t.deepEqual(parseEngineUrl('npipe:////./pipe/docker_engine'), {
    kind: 'socket',
    path: '\\\\.\\pipe\\docker_engine',
  });
});

test('what is no address is refused', (t) => {
  for (const url of [
    '',
    'tcp://',
    'http://a:1',
    '10.0.0.1:2376',
    'tcp://a:0',
    'tcp://a:65536',
    'tcp://a:b',
    'tcp://a b:1',
    'tcp://u@h:1',
    'ssh://a',
    'tcp://[::1:2376',
  ]) {
    const error = t.throws(() => parseEngineUrl(url), undefined, url);
    t.true(isMachineError(error) && error.code === 'arguments-invalid');
  }
});
