import type { MachineEvent } from '../../../src/core/events.ts';
import type { Driver, FlagValues } from '../../../src/drivers/driver.ts';
import { readConfig, type LibvirtConfig } from '../../../src/drivers/libvirt/config.ts';
import driver from '../../../src/drivers/libvirt/driver.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';
import { memoryContext, type OpenContext } from '../../fakes/memory-context.ts';
import { installMemoryLibvirt, type MemoryLibvirt } from '../../fakes/virsh/memory-libvirt.ts';

/** A machine of the driver libvirt on a host in memory. */
export interface LibvirtScene {
  readonly driver: Driver;
  readonly host: FakeHost;
  readonly libvirt: MemoryLibvirt;
  readonly context: OpenContext<LibvirtConfig>;
  readonly events: MachineEvent[];
  /** Calls of virsh so far, as lines without the connection. */
  readonly calls: () => string[];
  /** Runs the steps of a create. */
  readonly make: () => Promise<void>;
}

export const directory = '/home/ann/machines/dev';

/** Nothing is made yet. */
export function openLibvirtScene(flags: FlagValues = {}): LibvirtScene {
  const host = createFakeHost();
  host.files.putDirectory(directory);
  host.files.put(`${directory}/guest/hostname`, 'dev\n');
  const libvirt = installMemoryLibvirt(host);
  const { context, events } = memoryContext({
    host,
    directory,
    stored: driver.configure(flags).config,
    readConfig,
    boot: {
      image: {
        digest: 'd',
        version: 'v',
        architecture: 'amd64',
        kernelPath: '/i/vmlinux',
        initrdPath: '/i/initrd',
        rootPath: '/i/root',
      },
      guestFiles: [{ name: 'hostname', path: `${directory}/guest/hostname` }],
      shares: [{ path: "/home/ann/o'brien & co", isReadOnly: true, tag: 'tsm0', way: '9p' }],
    },
  });
  return {
    driver,
    host,
    libvirt,
    context,
    events,
    calls: () => host.processes.argumentsOf('virsh').map((args) => args.slice(2).join(' ')),
    make: async () => {
      for (const step of driver.steps(context)) {
        await step.run();
      }
    },
  };
}
