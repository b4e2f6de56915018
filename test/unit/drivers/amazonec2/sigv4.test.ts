import test from 'ava';
import { amzDate, signedHeaders, type SignableRequest } from '../../../../src/drivers/amazonec2/api/sigv4.ts';

// Requests of AWS' published test suite for Signature Version 4, with the signatures that it gives.

const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
};
const scope = { region: 'us-east-1', service: 'service', nowMs: Date.UTC(2015, 7, 30, 12, 36, 0) };
const get: SignableRequest = { method: 'GET', url: 'https://example.amazonaws.com/', headers: {}, body: '' };

const vectors: Readonly<Record<string, readonly [SignableRequest, string]>> = {
  'get-vanilla': [get, '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  'get-vanilla-query-order-key-case': [
    { ...get, url: 'https://example.amazonaws.com/?Param2=value2&Param1=value1' },
    'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  ],
  'post-vanilla': [
    { ...get, method: 'POST' },
    '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
  ],
  'post-header-key-sort': [
    { ...get, method: 'POST', headers: { 'My-Header1': 'value1' } },
    'c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c',
  ],
  'post-x-www-form-urlencoded': [
    {
      ...get,
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: 'Param1=value1',
    },
    'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
  ],
};

for (const [name, [request, signature]] of Object.entries(vectors)) {
  test(`the signature of ${name}`, (t) => {
    const { authorization = '' } = signedHeaders(request, credentials, scope);
    t.is(/Signature=([0-9a-f]{64})$/.exec(authorization)?.[1], signature);
    t.true(
      authorization.startsWith(
        'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request',
      ),
    );
  });
}

test('a token of temporary credentials is sent and signed', (t) => {
  const headers = signedHeaders(get, { ...credentials, sessionToken: 'token' }, scope);
  t.is(headers['x-amz-security-token'], 'token');
  t.regex(headers['authorization'] ?? '', /SignedHeaders=host;x-amz-date;x-amz-security-token,/);
});

test('the secret is nowhere in what is sent', (t) => {
  t.false(JSON.stringify(signedHeaders(get, credentials, scope)).includes(credentials.secretAccessKey));
});

test('the date in its short form', (t) => {
  t.is(amzDate(scope.nowMs), '20150830T123600Z');
});
