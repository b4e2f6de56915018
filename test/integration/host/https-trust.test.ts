import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { sendRequest } from '../../../src/host/request.ts';
import type { HttpTrust } from '../../../src/host/types.ts';
import { makeIdentity } from './certificates.ts';

test('a server with a certificate of its own authority is trusted only where that was said', async (t) => {
  const identity = makeIdentity(['127.0.0.1', 'localhost']);
  const server = createServer({ key: identity.key, cert: identity.cert }, (_, response) =>
    response.end('{}'),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const ask = async (tls?: HttpTrust): Promise<number> =>
    (
      await sendRequest(
        { env: {} },
        { method: 'GET', url, timeoutMs: 60_000, ...(tls === undefined ? {} : { tls }) },
      )
    ).status;
  await t.throwsAsync(ask(), { code: 'request-failed' });
  await t.throwsAsync(ask({ authorities: makeIdentity(['other']).ca }), { code: 'request-failed' });
  t.is(await ask({ authorities: identity.ca }), 200);
  t.is(await ask({ isUnverified: true }), 200);
});
