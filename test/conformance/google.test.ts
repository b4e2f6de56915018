import test from 'ava';
import { googleValues, makeGoogleMachine } from '../fakes/google-machine.ts';
import { startGoogleCloud, type GoogleCloud } from '../support/loopback-cloud/google-cloud.ts';
import { declareDriverLaws } from './driver-laws.ts';

const world: { cloud?: GoogleCloud } = {};

test.before(async () => {
  world.cloud = await startGoogleCloud();
});

test.after.always(async () => {
  await world.cloud?.close();
});

let count = 0;

declareDriverLaws({
  title: 'google',
  values: googleValues('http://127.0.0.1:1'),
  makeSubject: async () => {
    const { cloud } = world;
    if (cloud === undefined) {
      return undefined;
    }
    // Laws run side by side in one project.
    count += 1;
    return makeGoogleMachine({ endpoint: cloud.server.url, key: cloud.key, name: `dev${count}` });
  },
});
