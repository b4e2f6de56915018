import { openLibvirtScene } from '../unit/drivers/libvirt-scene.ts';
import { declareDriverLaws } from './driver-laws.ts';

for (const uri of ['qemu:///session', 'qemu:///system']) {
  declareDriverLaws({
    title: `libvirt on a host in memory (${uri})`,
    values: { 'libvirt-memory': 512, 'libvirt-disk-size': 1000, 'libvirt-uri': uri },
    makeSubject: async (flags) => {
      const { driver, context } = openLibvirtScene(flags);
      return { driver, context, cleanup: async () => undefined };
    },
  });
}
