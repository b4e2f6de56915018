import test from 'ava';
import { azureValues, makeAzureMachine } from '../fakes/azure-machine.ts';
import { startAzureCloud, type AzureCloud } from '../support/loopback-cloud/azure-cloud.ts';
import { declareDriverLaws } from './driver-laws.ts';

const world: { cloud?: AzureCloud } = {};

test.before(async () => {
  world.cloud = await startAzureCloud();
});

test.after.always(async () => {
  await world.cloud?.close();
});

let count = 0;

declareDriverLaws({
  title: 'azure',
  values: azureValues('http://127.0.0.1:1'),
  makeSubject: async () => {
    if (world.cloud === undefined) {
      return undefined;
    }
    // Laws run side by side in one account.
    count += 1;
    const name = `dev${count}`;
    return makeAzureMachine({ url: world.cloud.url, name, values: { 'azure-resource-group': name } });
  },
});
