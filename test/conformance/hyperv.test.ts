import driver from '../../src/drivers/hyperv/driver.ts';
import { createFakeHost } from '../fakes/host.ts';
import { installFakeHyperV } from '../fakes/hyperv/memory-world.ts';
import { declareDriverLaws } from './driver-laws.ts';

declareDriverLaws({
  title: 'Hyper-V on a host in memory (win32)',
  values: { 'hyperv-memory': 512, 'hyperv-disk-size': 1000 },
  makeSubject: async (flags) => {
    const directory = 'C:\\Users\\ann\\machines\\dev';
    const host = createFakeHost({ platform: 'win32' });
    host.files.putDirectory(directory);
    host.files.put('C:\\i\\image.iso', 'an ISO');
    installFakeHyperV(host);
    let stored = driver.configure(flags).config;
    const context = {
      host,
      name: 'dev',
      directory,
      config: driver.readConfig(stored),
      signal: new AbortController().signal,
      emit: () => undefined,
      save: async (part: Readonly<Record<string, unknown>>) => {
        stored = { ...stored, ...part };
        context.config = driver.readConfig(stored);
      },
      boot: {
        image: {
          ...{ digest: 'd', version: 'v', architecture: 'amd64' as const },
          ...{ kernelPath: '', initrdPath: '', rootPath: '', isoPath: 'C:\\i\\image.iso' },
        },
        guestFiles: [],
        shares: [],
      },
    };
    return { driver, context, cleanup: async () => undefined };
  },
});
