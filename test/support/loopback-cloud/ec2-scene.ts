import test from 'ava';
import type { CloudMachine } from '../../fakes/cloud-machine.ts';
import { makeEc2Machine, type Ec2MachineOptions } from '../../fakes/ec2-machine.ts';
import { startEc2Proxy, type Ec2Proxy, type Ec2Request } from './ec2-proxy.ts';
import { restsOf } from './ec2-rests.ts';
import { sceneDeclarer, type CloudScene, type DeclareScene } from './fault-suite.ts';
import { motoMissing, startMoto, type Moto } from './moto.ts';

/** An account of EC2 with nothing in it. */
export interface Ec2Scene extends CloudScene<Ec2Request> {
  readonly proxy: Ec2Proxy;
  readonly make: (options?: Partial<Ec2MachineOptions>) => CloudMachine;
}

/** Declares tests that each have such an account; one moto serves all of a file. */
export function ec2Scenes(): DeclareScene<Ec2Scene> {
  const missing = motoMissing();
  const world: { moto?: Moto } = {};
  test.before(async (t) => {
    t.timeout(120_000);
    if (missing === undefined) {
      world.moto = await startMoto();
    }
  });
  test.after.always(async () => {
    await world.moto?.stop();
  });
  return sceneDeclarer<Ec2Scene>(async (use) => {
    const { moto } = world;
    if (moto === undefined) {
      throw new Error('there is no moto');
    }
    await moto.reset();
    const proxy = await startEc2Proxy(moto.url);
    try {
      await use({
        proxy,
        server: proxy,
        make: (options = {}) => makeEc2Machine({ endpoint: proxy.endpoint, ...options }),
        rests: async () => ({ ...(await restsOf(moto.url)) }),
      });
    } finally {
      await proxy.close();
    }
  }, missing);
}
