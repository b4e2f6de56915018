import { openVzScene } from '../unit/drivers/vz-scene.ts';
import { declareDriverLaws } from './driver-laws.ts';

declareDriverLaws({
  title: 'vz on a host in memory (darwin)',
  values: { 'vz-memory': 512, 'vz-disk-size': 1000 },
  makeSubject: async (flags) => {
    const { driver, context } = openVzScene(flags);
    return { driver, context, cleanup: async () => undefined };
  },
});
