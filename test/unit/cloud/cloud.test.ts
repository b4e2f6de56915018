import test from 'ava';
import { createApiClient, verdictOfStatus } from '../../../src/cloud/api-client.ts';
import { askedPauseMs, backOffMs } from '../../../src/cloud/back-off.ts';
import { machineTags, parseTagList } from '../../../src/cloud/ownership.ts';
import { isRange, publicAddress, rangeOfOne } from '../../../src/cloud/public-address.ts';
import { createRateBucket } from '../../../src/cloud/rate-bucket.ts';
import { redactHeaders, redactText } from '../../../src/cloud/redact.ts';
import { cloudConfig, expiryScript, joinUserData } from '../../../src/cloud/user-data.ts';
import { MachineError } from '../../../src/core/errors.ts';
import type { HttpAnswer } from '../../../src/host/types.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';

const get = { method: 'GET', url: 'https://api.example/' } as const;
const answer = (status: number, headers: Record<string, string> = {}): HttpAnswer => ({
  status,
  headers,
  body: '',
});

function client(host: FakeHost, signal = new AbortController().signal, said: string[] = []) {
  return createApiClient({
    host,
    signal,
    emit: (event) => {
      said.push(JSON.stringify(event));
    },
    retriesMax: 2,
    authorize: async (request) => ({ ...request, headers: { authorization: 'Bearer hush' } }),
    judge: ({ status }) => verdictOfStatus(status),
  });
}

function script(host: FakeHost, ...outcomes: readonly (HttpAnswer | undefined)[]): () => number {
  let count = 0;
  host.http.onRequest = () => {
    const outcome = outcomes[Math.min(count, outcomes.length - 1)];
    count += 1;
    if (outcome === undefined) {
      throw new MachineError('request-failed', 'No answer from https://api.example.');
    }
    return outcome;
  };
  return () => count;
}

test('what fails in passing is sent again so often and no oftener', async (t) => {
  const host = createFakeHost();
  const count = script(host, answer(500));
  t.is((await client(host).send(get, { isRepeatable: true })).status, 500);
  t.is(count(), 3);
  const lost = script(host, undefined, answer(200));
  t.is((await client(host).send(get, { isRepeatable: true })).status, 200);
  t.is(lost(), 2);
});

test('what must not be done twice is not sent again when nobody knows how far it came', async (t) => {
  const host = createFakeHost();
  const count = script(host, undefined, answer(200));
  await t.throwsAsync(client(host).send(get, { isRepeatable: false }), { code: 'request-failed' });
  t.is(count(), 1);
  const throttled = script(host, answer(429), answer(200));
  t.is((await client(host).send(get, { isRepeatable: false })).status, 200);
  t.is(throttled(), 2);
});

test('turned away for lack of time does not count, and the pause that is asked for is kept', async (t) => {
  const host = createFakeHost();
  script(host, ...Array.from({ length: 9 }, () => answer(429, { 'retry-after': '7' })), answer(200));
  t.is((await client(host).send(get, { isRepeatable: true })).status, 200);
  t.deepEqual(
    host.clock.sleeps,
    Array.from({ length: 9 }, () => 7000),
  );
});

test('one request ends, however long it is turned away; a removal has more patience', async (t) => {
  const host = createFakeHost();
  const count = script(host, answer(429, { 'retry-after': '60' }));
  t.is((await client(host).send(get, { isRepeatable: true })).status, 429);
  const few = count();
  const removal = script(host, answer(429, { 'retry-after': '60' }));
  t.is((await client(host).send(get, { isRepeatable: true, isRemoval: true })).status, 429);
  t.true(removal() > few);
});

test('an abort ends waiting with its reason', async (t) => {
  const host = createFakeHost();
  const abort = new AbortController();
  host.http.onRequest = () => {
    abort.abort(new Error('interrupted'));
    return answer(503);
  };
  await t.throwsAsync(client(host, abort.signal).send(get, { isRepeatable: true }), {
    message: 'interrupted',
  });
});

test('what is told of requests holds no secret', async (t) => {
  const host = createFakeHost();
  const said: string[] = [];
  host.http.onRequest = () => ({ status: 200, headers: {}, body: '{"root_password":"hush","a":1}' });
  const request = { ...get, method: 'POST', body: 'Action=X&ClientSecret=hush&UserData=hush' } as const;
  await client(host, undefined, said).send(request, { isRepeatable: true });
  t.true(said.length > 0);
  t.false(said.join().includes('hush'), said.join());
  t.deepEqual(redactHeaders({ 'X-Auth-Token': 'hush', accept: 'x' }), { 'X-Auth-Token': '***', accept: 'x' });
  t.is(redactText('<SecretAccessKey>hush</SecretAccessKey>'), '<SecretAccessKey>***</SecretAccessKey>');
  t.is(
    redactText('{"token": {"id": "hush"}, "adminPass": "hush"}'),
    '{"token": {"id": "***"}, "adminPass": "***"}',
  );
});

test('full jitter doubles its bound up to a limit', (t) => {
  t.is(backOffMs(1, 1), 1000);
  t.is(backOffMs(2, 1), 2000);
  t.is(backOffMs(3, 0), 0);
  t.is(backOffMs(100, 1), 20_000);
});

test('pauses that servers ask for', (t) => {
  const now = Date.UTC(2026, 0, 1);
  t.is(askedPauseMs({ 'retry-after': '3' }, now), 3000);
  t.is(askedPauseMs({ 'retry-after': new Date(now + 5000).toUTCString() }, now), 5000);
  t.is(askedPauseMs({ 'retry-after': new Date(now - 5000).toUTCString() }, now), 0);
  t.is(askedPauseMs({ 'retry-after': 'soon' }, now), undefined);
  t.is(askedPauseMs({ 'ratelimit-reset': String(now / 1000 + 9), 'ratelimit-remaining': '0' }, now), 9000);
  t.is(
    askedPauseMs({ 'ratelimit-reset': String(now / 1000 + 9), 'ratelimit-remaining': '5' }, now),
    undefined,
  );
  t.is(askedPauseMs({}, now), undefined);
});

test('a bucket lets a burst through, and then so many a second', async (t) => {
  const { clock } = createFakeHost();
  const bucket = createRateBucket(clock, { limits: [{ burst: 2, perSecond: 4 }], reserve: 1 });
  for (let count = 0; count < 4; count += 1) {
    await bucket.take();
  }
  t.deepEqual(clock.sleeps, [250, 250]);
  clock.advance(10_000);
  await bucket.take();
  await bucket.take();
  t.is(clock.sleeps.length, 2);
});

test('tags of a machine', (t) => {
  const own = { machineId: 'm', storeId: 's' };
  t.deepEqual(machineTags(own, 'dev', 0), {
    tsmachine: '1',
    'tsmachine-name': 'dev',
    'tsmachine-id': 'm',
    'tsmachine-owner': 's',
    'tsmachine-created': '1970-01-01T00:00:00.000Z',
  });
  t.deepEqual(parseTagList('a,1, b ,2,c'), { tags: { a: '1', b: '2' }, dropped: 'c' });
  t.deepEqual(parseTagList(''), { tags: {} });
});

test('the public address is that of the first service that tells one', async (t) => {
  const host = createFakeHost();
  const signal = new AbortController().signal;
  host.http.onRequest = ({ url }) =>
    url.includes('amazonaws') ? answer(503) : { status: 200, headers: {}, body: '192.0.2.1\n' };
  t.is(await publicAddress(host, signal), '192.0.2.1');
  host.http.onRequest = () => ({ status: 200, headers: {}, body: '<html>' });
  await t.throwsAsync(publicAddress(host, signal), { code: 'request-failed' });
});

test('ranges of addresses', (t) => {
  t.is(rangeOfOne('192.0.2.1'), '192.0.2.1/32');
  t.is(rangeOfOne('2001:db8::1'), '2001:db8::1/128');
  for (const range of ['0.0.0.0/0', '10.0.0.0/8', '2001:db8::/32']) {
    t.true(isRange(range), range);
  }
  for (const text of [
    '',
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0/8',
    'x/8',
    '::/129',
    '10.0.0.0/8/8',
    'fe80::%1/64',
  ]) {
    t.false(isRange(text), text);
  }
});

const hostKey = {
  privatePem: '-----BEGIN X-----\nabc\n-----END X-----\n',
  publicLine: 'ssh-ed25519 AAAA dev',
};

test('an instance is given its host key', (t) => {
  t.is(
    cloudConfig(hostKey),
    [
      '#cloud-config',
      'ssh_deletekeys: true',
      'ssh_pwauth: false',
      'ssh_keys:',
      '  ed25519_private: |',
      '    -----BEGIN X-----',
      '    abc',
      '    -----END X-----',
      '  ed25519_public: "ssh-ed25519 AAAA dev"',
      '',
    ].join('\n'),
  );
});

test("the user's data goes along, and what is not of cloud-init goes alone", (t) => {
  const ours = cloudConfig(hostKey);
  t.deepEqual(joinUserData([ours], undefined), { text: ours, isOurs: true });
  const both = joinUserData([ours], '#!/bin/sh\n--==tsmachine==\n');
  t.true(both.isOurs);
  t.regex(both.text, /^Content-Type: multipart\/mixed; boundary="===tsmachine==="\n/);
  t.is(both.text.split('\n--===tsmachine===').length, 4);
  t.regex(both.text, /text\/x-shellscript[\s\S]*#!\/bin\/sh[\s\S]*text\/cloud-config[\s\S]*ssh_keys/);
  const ignition = '{"ignition":{"version":"3.3.0"}}';
  t.deepEqual(joinUserData([ours], ignition), { text: ignition, isOurs: false });
});

test('the end of a machine is a timer of systemd at a moment, in a part of its own', (t) => {
  const script = expiryScript(Date.UTC(2026, 10, 27, 3, 4, 5, 678));
  t.regex(script, /^#!\/bin\/sh\n/);
  t.regex(script, /^OnCalendar=2026-11-27 03:04:05 UTC\nPersistent=true$/m);
  t.regex(script, /^systemctl enable --now tsmachine-expiry.timer$/m);
  const theirs = '#cloud-config\nruncmd: [[echo, theirs]]\n';
  const { text } = joinUserData([cloudConfig(hostKey), script], theirs);
  const types = [...text.matchAll(/^Content-Type: (text\/[\w-]+)/gm)].map(([, type]) => type);
  t.deepEqual(types, ['text/cloud-config', 'text/cloud-config', 'text/x-shellscript']);
});
