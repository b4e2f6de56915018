import test from 'ava';
import { ec2Values, makeEc2Machine } from '../fakes/ec2-machine.ts';
import { startEc2Proxy, type Ec2Proxy } from '../support/loopback-cloud/ec2-proxy.ts';
import { motoMissing, startMoto, type Moto } from '../support/loopback-cloud/moto.ts';
import { declareDriverLaws } from './driver-laws.ts';

const missing = motoMissing();
const world: { moto?: Moto; proxy?: Ec2Proxy } = {};

test.before(async (t) => {
  t.timeout(120_000);
  if (missing === undefined) {
    world.moto = await startMoto();
    world.proxy = await startEc2Proxy(world.moto.url);
  }
});

test.after.always(async () => {
  await world.proxy?.close();
  await world.moto?.stop();
});

let count = 0;

declareDriverLaws({
  title: 'amazonec2',
  values: ec2Values('127.0.0.1:1'),
  ...(missing === undefined ? {} : { missing: missing.replace(/^needs /, '') }),
  makeSubject: async () => {
    if (world.proxy === undefined) {
      return undefined;
    }
    // Laws run side by side in one account.
    count += 1;
    const name = `dev${count}`;
    const values = { 'amazonec2-security-group': [name] };
    return makeEc2Machine({ endpoint: world.proxy.endpoint, name, values });
  },
});
