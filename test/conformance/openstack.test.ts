import test from 'ava';
import { makeOpenStackMachine, openStackValues } from '../fakes/openstack-machine.ts';
import { startOpenStackCloud, type OpenStackCloud } from '../support/loopback-cloud/openstack-cloud.ts';
import { declareDriverLaws } from './driver-laws.ts';

const world: { cloud?: OpenStackCloud } = {};

test.before(async () => {
  world.cloud = await startOpenStackCloud();
  world.cloud.state.settings.serversMax = 100;
});

test.after.always(async (t) => {
  await world.cloud?.close();
  t.deepEqual(world.cloud?.findings, []);
});

let count = 0;

declareDriverLaws({
  title: 'openstack',
  values: openStackValues('http://127.0.0.1:1'),
  makeSubject: async () => {
    const { cloud } = world;
    if (cloud === undefined) {
      return undefined;
    }
    // Laws run side by side in one project.
    count += 1;
    return makeOpenStackMachine({
      authUrl: cloud.authUrl,
      name: `dev${count}`,
      values: { 'openstack-floatingip-pool': 'public', 'openstack-volume-size': 2 },
    });
  },
});
