import driver from '../../src/drivers/virtualbox/driver.ts';
import { createFakeHost } from '../fakes/host.ts';
import { installFakeVirtualBox } from '../fakes/vboxmanage/memory-world.ts';
import type { ProfileName } from '../fakes/vboxmanage/profile.ts';
import { declareDriverLaws } from './driver-laws.ts';

const computers: readonly (readonly [ProfileName, NodeJS.Platform])[] = [
  ['6.1', 'linux'],
  ['7.0', 'win32'],
  ['7.1-mac-arm', 'darwin'],
  ['7.2', 'linux'],
];

for (const [profile, platform] of computers) {
  const arch = profile === '7.1-mac-arm' ? 'arm64' : 'x64';
  declareDriverLaws({
    title: `VirtualBox ${profile} on a host in memory (${platform})`,
    values: {
      'virtualbox-memory': 512,
      'virtualbox-disk-size': 1000,
      'virtualbox-hostonly-cidr': '192.168.56.1/24',
    },
    makeSubject: async (flags) => {
      const directory = platform === 'win32' ? 'C:\\Users\\ann\\machines\\dev' : '/home/ann/machines/dev';
      const host = createFakeHost({ platform, arch });
      host.files.putDirectory(directory);
      host.files.put('/i/image.iso', 'an ISO');
      installFakeVirtualBox(host, profile);
      const files = {
        kernelPath: '/i/vmlinux',
        initrdPath: '/i/initrd',
        rootPath: '/i/root',
        isoPath: '/i/image.iso',
      };
      const architecture = arch === 'arm64' ? ('arm64' as const) : ('amd64' as const);
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
        boot: { image: { ...files, digest: 'd', version: 'v', architecture }, guestFiles: [], shares: [] },
      };
      return { driver, context, cleanup: async () => undefined };
    },
  });
}
