import test from 'ava';
import { hetznerValues, makeHetznerMachine } from '../fakes/hetzner-machine.ts';
import { startHetznerCloud, type HetznerCloud } from '../support/loopback-cloud/hetzner-cloud.ts';
import { declareDriverLaws } from './driver-laws.ts';

const world: { cloud?: HetznerCloud } = {};

test.before(async () => {
  world.cloud = await startHetznerCloud();
});

test.after.always(async (t) => {
  await world.cloud?.close();
  t.deepEqual(world.cloud?.problems, []);
});

let count = 0;

declareDriverLaws({
  title: 'hetzner',
  values: hetznerValues('http://127.0.0.1:1/v1'),
  makeSubject: async () => {
    // Laws run side by side in one project.
    count += 1;
    return makeHetznerMachine({ endpoint: world.cloud?.baseUrl ?? '', name: `dev${count}` });
  },
});
