import test from 'ava';
import { startEc2Proxy } from '../../support/loopback-cloud/ec2-proxy.ts';
import { restsOf } from '../../support/loopback-cloud/ec2-rests.ts';
import { killAtEveryRequest } from '../../support/loopback-cloud/kill-suite.ts';
import { motoMissing, startMoto } from '../../support/loopback-cloud/moto.ts';

const missing = motoMissing();

test.serial('killed at every request that makes something and after it: rm leaves nothing', async (t) => {
  t.timeout(900_000);
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const moto = await startMoto();
  const proxy = await startEc2Proxy(moto.url);
  try {
    const asked = await killAtEveryRequest(t, {
      server: proxy,
      rests: async () => ({ ...(await restsOf(moto.url)) }),
      instances: 'instances',
      args: [
        ...['-d', 'amazonec2', '--amazonec2-endpoint', proxy.endpoint, '--amazonec2-insecure-transport'],
        ...['--amazonec2-open-to', '198.18.0.0/15'],
      ],
      env: { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
      makes: ({ action }) => !action.startsWith('Describe'),
      nameOf: ({ action }) => action,
    });
    t.true(asked.includes('RunInstances'));
  } finally {
    await proxy.close();
    await moto.stop();
  }
});
