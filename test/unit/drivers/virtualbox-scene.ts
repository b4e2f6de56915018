import type { MachineEvent } from '../../../src/core/events.ts';
import type { FlagValues } from '../../../src/drivers/driver.ts';
import { configure, readConfig, type VirtualBoxConfig } from '../../../src/drivers/virtualbox/config.ts';
import { machineSteps } from '../../../src/drivers/virtualbox/steps.ts';
import { createFakeHost, type FakeHost, type FakeHostOptions } from '../../fakes/host.ts';
import { memoryContext, type OpenContext } from '../../fakes/memory-context.ts';
import { installFakeVirtualBox, type MemoryVirtualBox } from '../../fakes/vboxmanage/memory-world.ts';
import type { ProfileName } from '../../fakes/vboxmanage/profile.ts';

/** A machine of the driver virtualbox on a host in memory. */
export interface Scene {
  readonly host: FakeHost;
  readonly vbox: MemoryVirtualBox;
  readonly context: OpenContext<VirtualBoxConfig>;
  readonly events: MachineEvent[];
  /** Calls of VBoxManage so far, as lines. */
  readonly calls: () => string[];
  /** Runs the steps of a create. */
  readonly make: () => Promise<void>;
}

export const directory = '/home/ann/machines/dev';

/** Nothing is made yet. */
export function openScene(
  options: {
    readonly profile?: ProfileName;
    readonly flags?: FlagValues;
    readonly host?: FakeHostOptions;
  } = {},
): Scene {
  const host = createFakeHost(options.host ?? {});
  host.files.putDirectory(directory);
  host.files.put('/i/image.iso', 'an ISO');
  host.files.put(`${directory}/guest/hostname`, 'dev\n');
  const vbox = installFakeVirtualBox(host, options.profile ?? '7.2');
  const isArm = host.facts.arch === 'arm64';
  const { context, events } = memoryContext({
    host,
    directory,
    stored: configure(options.flags ?? {}).config,
    readConfig,
    boot: {
      image: {
        digest: 'd',
        version: 'v',
        architecture: isArm ? 'arm64' : 'amd64',
        kernelPath: '',
        initrdPath: '',
        rootPath: '',
        isoPath: '/i/image.iso',
      },
      guestFiles: [{ name: 'hostname', path: `${directory}/guest/hostname` }],
      shares: [],
    },
  });
  return {
    host,
    vbox,
    context,
    events,
    calls: () => host.processes.argumentsOf('VBoxManage').map((args) => args.join(' ')),
    make: async () => {
      for (const step of machineSteps(context)) {
        await step.run();
      }
    },
  };
}
