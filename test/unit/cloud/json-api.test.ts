import test from 'ava';
import { cloudCode, openJsonApi, unlessMissing, type JsonApi } from '../../../src/cloud/json-api.ts';
import { makeOnce } from '../../../src/cloud/make-once.ts';
import { field, listField, numberField, textField, textsField } from '../../../src/cloud/json-fields.ts';
import { MachineError } from '../../../src/core/errors.ts';
import type { HttpAnswer, HttpRequest } from '../../../src/host/types.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';

const signal = new AbortController().signal;

function answer(status: number, body: unknown): HttpAnswer {
  return { status, headers: {}, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

function open(host: FakeHost, tokens: readonly string[] = ['one']): JsonApi {
  let renewals = 0;
  return openJsonApi({
    host,
    signal,
    emit: () => undefined,
    retriesMax: 2,
    title: 'Cumulus',
    baseUrl: 'https://api.example/v1',
    authorization: async (isRenewal) => {
      renewals += isRenewal ? 1 : 0;
      return { authorization: `Bearer ${tokens[Math.min(renewals, tokens.length - 1)] ?? ''}` };
    },
    readError: (body) => {
      const code = textField(body, 'code');
      return code === undefined ? undefined : { code, message: textField(body, 'message') ?? '' };
    },
  });
}

test('a request has its query, its body without what is undefined, and the token', async (t) => {
  const host = createFakeHost();
  const sent: HttpRequest[] = [];
  host.http.onRequest = (request) => {
    sent.push(request);
    return answer(201, { id: 7 });
  };
  const { body, status } = await open(host).call({
    method: 'POST',
    path: '/servers',
    query: { id: ['1', '2'], page: 3, none: undefined },
    body: { name: 'dev', image: undefined },
  });
  t.deepEqual([status, body], [201, { id: 7 }]);
  t.is(sent[0]?.url, 'https://api.example/v1/servers?id=1&id=2&page=3');
  t.is(sent[0]?.body, '{"name":"dev"}');
  t.like(sent[0]?.headers, { authorization: 'Bearer one', 'content-type': 'application/json' });
});

test('errors have the name that the cloud gives them; 401 renews the token, once', async (t) => {
  const host = createFakeHost();
  host.http.onRequest = () => answer(422, { code: 'name_taken', message: 'taken\u0007' });
  const refused = await t.throwsAsync(open(host).call({ method: 'POST', path: '/servers', body: {} }), {
    code: 'cloud-refused',
  });
  t.is(cloudCode(refused), 'name_taken');
  t.is(refused.message, 'Cumulus refused POST /v1/servers: taken ');
  const tokens: (string | undefined)[] = [];
  host.http.onRequest = ({ headers }) => {
    tokens.push(headers?.['authorization']);
    return headers?.['authorization'] === 'Bearer two'
      ? answer(200, {})
      : answer(401, { code: 'unauthorized' });
  };
  await open(host, ['one', 'two']).call({ method: 'GET', path: '/servers' });
  t.deepEqual(tokens, ['Bearer one', 'Bearer two']);
  await t.throwsAsync(open(host).call({ method: 'GET', path: '/servers' }), { code: 'credentials-refused' });
});

test('missing is undefined, also without words of the cloud; what cannot be read is an error', async (t) => {
  const host = createFakeHost();
  host.http.onRequest = () => answer(404, '');
  t.is(await unlessMissing(() => open(host).call({ method: 'GET', path: '/servers/1' })), undefined);
  for (const [status, body] of [
    [200, '<html>'],
    [200, '{"half": '],
    [503, 'no'],
  ] as const) {
    host.http.onRequest = () => answer(status, body);
    const error = await t.throwsAsync(open(host).call({ method: 'GET', path: '/servers' }), {
      code: 'request-failed',
    });
    t.regex(error.message, /no answer to GET \/v1\/servers that can be read/);
  }
});

test('a POST is sent once when its answer is lost', async (t) => {
  const host = createFakeHost();
  let count = 0;
  host.http.onRequest = () => {
    count += 1;
    return answer(502, '');
  };
  await t.throwsAsync(open(host).call({ method: 'POST', path: '/servers', body: {} }));
  t.is(count, 1);
  count = 0;
  await t.throwsAsync(open(host).call({ method: 'DELETE', path: '/servers/1' }));
  t.true(count > 3);
});

test('what may have been made is looked for before it is made again', async (t) => {
  const { clock } = createFakeHost();
  const lost = new MachineError('request-failed', 'lost');
  const refused = new MachineError('cloud-refused', 'no', { facts: { status: 422 } });
  let made = 0;
  const make = async (): Promise<string> => {
    made += 1;
    if (made < 3) {
      throw lost;
    }
    return `m${made}`;
  };
  t.is(await makeOnce({ find: async () => undefined, make, clock, signal }), 'm3');
  made = 0;
  const find = async (): Promise<string | undefined> => (made > 0 ? 'found' : undefined);
  t.is(await makeOnce({ find, make, clock, signal }), 'found');
  t.is(made, 1);
  t.is(await makeOnce({ find, make, clock, signal }), 'found');
  t.is(made, 1);
  const refuse = async (): Promise<string> => {
    throw refused;
  };
  const error = await t.throwsAsync(makeOnce({ find: async () => undefined, make: refuse, clock, signal }));
  t.is(error, refused);
});

test('fields of answers that are not as they should be are absent', (t) => {
  const value: unknown = { a: { b: 'x', n: 1, l: [1], m: { k: 'v', z: 2 }, u: null } };
  t.is(textField(value, 'a', 'b'), 'x');
  t.is(textField(value, 'a', 'n'), undefined);
  t.is(numberField(value, 'a', 'n'), 1);
  t.is(field(value, 'a', 'u'), undefined);
  t.is(field(value, 'toString'), undefined);
  t.is(field('text', 'length'), undefined);
  t.deepEqual(listField(value, 'a', 'l'), [1]);
  t.deepEqual(listField(value, 'a', 'b'), []);
  t.deepEqual(textsField(value, 'a', 'm'), { k: 'v' });
});
