import type { MachineEvent } from '../../../src/core/events.ts';
import type { Driver, FlagValues } from '../../../src/drivers/driver.ts';
import { readConfig, type VzConfig } from '../../../src/drivers/vz/config.ts';
import driver from '../../../src/drivers/vz/driver.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';
import { memoryContext, type OpenContext } from '../../fakes/memory-context.ts';
import { installMemoryVfkit, type MemoryVfkit } from '../../fakes/vfkit/memory-vfkit.ts';

/** A machine of the driver vz on a host in memory. */
export interface VzScene {
  readonly driver: Driver;
  readonly host: FakeHost;
  readonly vfkit: MemoryVfkit;
  readonly context: OpenContext<VzConfig>;
  readonly events: MachineEvent[];
  /** Runs the steps of a create. */
  readonly make: () => Promise<void>;
}

/** Nothing is made yet. */
export function openVzScene(flags: FlagValues = {}, directory = '/Users/ann/machines/dev'): VzScene {
  const host = createFakeHost({ platform: 'darwin', arch: 'arm64' });
  host.files.putDirectory(directory);
  host.files.put(`${directory}/guest/hostname`, 'dev\n');
  const vfkit = installMemoryVfkit(host);
  const { context, events } = memoryContext({
    host,
    directory,
    stored: driver.configure(flags).config,
    readConfig,
    boot: {
      image: {
        digest: 'd',
        version: 'v',
        architecture: 'arm64',
        kernelPath: '/i/vmlinux',
        initrdPath: '/i/initrd',
        rootPath: '/i/root',
      },
      guestFiles: [{ name: 'hostname', path: `${directory}/guest/hostname` }],
      shares: [{ path: '/Users/ann', isReadOnly: false, tag: 'tsm0', way: 'virtiofs' }],
    },
  });
  return {
    driver,
    host,
    vfkit,
    context,
    events,
    make: async () => {
      for (const step of driver.steps(context)) {
        await step.run();
      }
    },
  };
}
