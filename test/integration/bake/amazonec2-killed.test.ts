import test from 'ava';
import { ec2Values } from '../../fakes/ec2-machine.ts';
import { killBakeAtEveryRequest } from '../../support/loopback-cloud/bake-kill-suite.ts';
import { startEc2Proxy } from '../../support/loopback-cloud/ec2-proxy.ts';
import { ec2Env } from '../../support/loopback-cloud/ec2-records.ts';
import { restsOf } from '../../support/loopback-cloud/ec2-rests.ts';
import { motoMissing, startMoto } from '../../support/loopback-cloud/moto.ts';

const missing = motoMissing();

test.serial('image bake killed at every request: nothing is left but whole images', async (t) => {
  t.timeout(900_000);
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const moto = await startMoto();
  const proxy = await startEc2Proxy(moto.url);
  try {
    const asked = await killBakeAtEveryRequest(t, {
      server: proxy,
      rests: async () => ({ ...(await restsOf(moto.url)) }),
      driverName: 'amazonec2',
      values: ec2Values(proxy.endpoint),
      env: ec2Env,
      images: 'images',
      isFirst: ({ action }) => action === 'StopInstances',
      lastName: 'TerminateInstances',
      nameOf: ({ action }) => action,
    });
    t.true(asked.includes('CreateImage'));
  } finally {
    await proxy.close();
    await moto.stop();
  }
});
