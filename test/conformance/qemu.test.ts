import driver from '../../src/drivers/qemu/driver.ts';
import { installFakeQemu } from '../fakes/fake-qemu.ts';
import { createFakeHost } from '../fakes/host.ts';
import { hasQemu, makeQemuMachine } from '../fakes/qemu-machine.ts';
import { declareDriverLaws } from './driver-laws.ts';

const values = { 'qemu-memory': 512, 'qemu-disk-size': 1000, 'qemu-accel': 'tcg' } as const;

for (const platform of ['linux', 'darwin', 'win32'] as const) {
  declareDriverLaws({
    title: `qemu on a host in memory (${platform})`,
    values,
    makeSubject: async (flags) => {
      const directory = platform === 'win32' ? 'C:\\Users\\ann\\machines\\dev' : '/home/ann/machines/dev';
      const host = createFakeHost({ platform });
      host.files.putDirectory(directory);
      installFakeQemu(host);
      const files = { kernelPath: '/i/vmlinux', initrdPath: '/i/initrd', rootPath: '/i/root' };
      return {
        driver,
        context: {
          host,
          name: 'dev',
          directory,
          config: driver.readConfig(driver.configure(flags).config),
          signal: new AbortController().signal,
          emit: () => undefined,
          save: async () => undefined,
          boot: {
            image: { ...files, digest: 'd', version: 'v', architecture: 'amd64' },
            guestFiles: [],
            shares: [],
          },
        },
        cleanup: async () => undefined,
      };
    },
  });
}

declareDriverLaws({
  title: 'qemu with real virtual machines',
  values,
  missing: 'qemu-system-x86_64 and qemu-img',
  makeSubject: async () => {
    if (!(await hasQemu())) {
      return undefined;
    }
    const machine = await makeQemuMachine({ end: 'obey-button' });
    return { driver, context: machine.context, cleanup: machine.cleanup };
  },
});
