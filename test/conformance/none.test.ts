import driver from '../../src/drivers/none/driver.ts';
import { createFakeHost } from '../fakes/host.ts';
import { declareDriverLaws } from './driver-laws.ts';

declareDriverLaws({
  title: 'none',
  values: { url: 'tcp://192.0.2.7:2376' },
  makeSubject: async (values) => ({
    driver,
    context: {
      host: createFakeHost(),
      name: 'dev',
      directory: '/home/ann/.docker/machine/machines/dev',
      config: driver.readConfig(driver.configure(values).config),
      signal: new AbortController().signal,
      emit: () => undefined,
      save: async () => undefined,
    },
    cleanup: async () => undefined,
  }),
});
