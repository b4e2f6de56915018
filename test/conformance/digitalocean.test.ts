import test from 'ava';
import { digitalOceanValues, makeDigitalOceanMachine } from '../fakes/digitalocean-machine.ts';
import { startDigitalOcean } from '../support/loopback-cloud/digitalocean-cloud.ts';
import { declareDriverLaws } from './driver-laws.ts';

// All laws in one account, side by side.
const cloud = await startDigitalOcean();
let count = 0;

test.after.always(async () => {
  await cloud.close();
});

declareDriverLaws({
  title: 'digitalocean',
  values: digitalOceanValues('http://127.0.0.1:1'),
  makeSubject: async () => {
    count += 1;
    return makeDigitalOceanMachine({ url: cloud.url, name: `dev${count}` });
  },
});

test.after('every request was as DigitalOcean describes it', (t) => {
  t.deepEqual(cloud.findings, []);
});
