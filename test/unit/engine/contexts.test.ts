import { createHash } from 'node:crypto';
import test from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import { contextName, forgetContext, refreshContext, useContext } from '../../../src/engine/contexts.ts';
import { createFakeHost } from '../../fakes/host.ts';

const material = { ca: 'CA', cert: 'CERT', key: 'KEY' };
const target = { machine: 'dev', url: 'tcp://127.0.0.1:2376', material };
const docker = '/home/ann/.docker';
const id = createHash('sha256').update('tsmachine-dev').digest('hex');

test('a context is written and selected', async (t) => {
  const host = createFakeHost();
  t.is(await useContext(host, target), 'tsmachine-dev');
  t.deepEqual(JSON.parse(host.files.text(`${docker}/contexts/meta/${id}/meta.json`) ?? ''), {
    Name: 'tsmachine-dev',
    Metadata: { Description: 'Machine dev', 'tsmachine.machine': 'dev' },
    Endpoints: { docker: { Host: 'tcp://127.0.0.1:2376', SkipTLSVerify: false } },
  });
  t.is(host.files.text(`${docker}/contexts/tls/${id}/docker/key.pem`), 'KEY');
  t.is(host.files.nodes.get(`${docker}/contexts/tls/${id}/docker/key.pem`)?.mode, 0o600);
  t.is(host.files.text(`${docker}/config.json`), '{\n\t"currentContext": "tsmachine-dev"\n}');
});

test("the rest of Docker's configuration stays as it was", async (t) => {
  const host = createFakeHost();
  const before =
    '{\n    "auths": {\n        "a.test": {}\n    },\n    "currentContext": "old",\n    "x": 1\n}\n';
  host.files.put(`${docker}/config.json`, before, 0o640);
  await useContext(host, target);
  t.is(host.files.text(`${docker}/config.json`), before.replace('old', 'tsmachine-dev'));
  t.is(host.files.nodes.get(`${docker}/config.json`)?.mode, 0o640);
  await forgetContext(host, 'dev');
  t.is(host.files.text(`${docker}/config.json`), before.replace('    "currentContext": "old",\n', ''));
});

test('a configuration behind a link stays behind it', async (t) => {
  const host = createFakeHost();
  host.files.put('/home/ann/dotfiles/docker.json', '{}');
  host.files.putSymlink(`${docker}/config.json`, '/home/ann/dotfiles/docker.json');
  await useContext(host, target);
  t.regex(host.files.text('/home/ann/dotfiles/docker.json') ?? '', /tsmachine-dev/);
  t.is(host.files.nodes.get(`${docker}/config.json`)?.kind, 'symlink');
});

test('DOCKER_CONFIG is honoured', async (t) => {
  const host = createFakeHost({ env: { DOCKER_CONFIG: '/else/where' } });
  await useContext(host, target);
  t.regex(host.files.text('/else/where/config.json') ?? '', /tsmachine-dev/);
  t.is(host.files.text(`${docker}/config.json`), undefined);
});

test('only what was made before is brought up to date', async (t) => {
  const host = createFakeHost();
  t.false(await refreshContext(host, target));
  t.is(host.files.nodes.get(`${docker}/contexts`), undefined);
  await useContext(host, target);
  t.true(await refreshContext(host, { ...target, url: 'tcp://127.0.0.1:4' }));
  t.regex(host.files.text(`${docker}/contexts/meta/${id}/meta.json`) ?? '', /127\.0\.0\.1:4"/);
});

test('forgetting removes the context, but not the selection of another one', async (t) => {
  const host = createFakeHost();
  await forgetContext(host, 'dev');
  await useContext(host, target);
  await useContext(host, { ...target, machine: 'other' });
  await forgetContext(host, 'dev');
  t.is(host.files.nodes.get(`${docker}/contexts/meta/${id}`), undefined);
  t.is(host.files.nodes.get(`${docker}/contexts/tls/${id}`), undefined);
  t.regex(host.files.text(`${docker}/config.json`) ?? '', /tsmachine-other/);
});

test("somebody else's context of the same name is neither changed nor removed", async (t) => {
  const host = createFakeHost();
  const path = `${docker}/contexts/meta/${id}/meta.json`;
  host.files.put(path, '{"Name":"tsmachine-dev","Metadata":{},"Endpoints":{}}');
  const error = await t.throwsAsync(useContext(host, target));
  t.true(isMachineError(error) && error.code === 'machine-exists');
  t.false(await refreshContext(host, target));
  await forgetContext(host, 'dev');
  t.truthy(host.files.text(path));
});

test('a broken configuration stops `use`, but not `rm`', async (t) => {
  const host = createFakeHost();
  await useContext(host, target);
  host.files.put(`${docker}/config.json`, 'rubbish');
  const error = await t.throwsAsync(useContext(host, target));
  t.true(isMachineError(error) && error.code === 'record-invalid');
  await forgetContext(host, 'dev');
  t.is(host.files.nodes.get(`${docker}/contexts/meta/${id}`), undefined);
  t.is(host.files.text(`${docker}/config.json`), 'rubbish');
});

test('names are such as the Docker CLI takes', (t) => {
  for (const machine of ['a', 'default', 'x.y-z']) {
    t.regex(contextName(machine), /^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/);
  }
});
