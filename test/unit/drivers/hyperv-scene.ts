import type { MachineEvent } from '../../../src/core/events.ts';
import type { FlagValues } from '../../../src/drivers/driver.ts';
import { configure, readConfig, type HyperVConfig } from '../../../src/drivers/hyperv/config.ts';
import { machineSteps } from '../../../src/drivers/hyperv/steps.ts';
import { createFakeHost, type FakeHost, type FakeHostOptions } from '../../fakes/host.ts';
import { memoryContext, type OpenContext } from '../../fakes/memory-context.ts';
import { installFakeHyperV, type MemoryHyperV } from '../../fakes/hyperv/memory-world.ts';

/** A machine of the driver hyperv on a host in memory. */
export interface Scene {
  readonly host: FakeHost;
  readonly hyperv: MemoryHyperV;
  readonly context: OpenContext<HyperVConfig>;
  readonly events: MachineEvent[];
  /** Names of the operations so far. */
  readonly operations: () => string[];
  /** Runs the steps of a create. */
  readonly make: () => Promise<void>;
}

export const directory = 'C:\\Users\\ann\\machines\\dev';

/** Nothing is made yet. */
export function openScene(
  options: { readonly flags?: FlagValues; readonly host?: FakeHostOptions } = {},
): Scene {
  const host = createFakeHost({ platform: 'win32', ...options.host });
  host.files.putDirectory(directory);
  host.files.put('C:\\i\\image.iso', 'an ISO');
  host.files.put(`${directory}\\guest\\hostname`, 'dev\n');
  const hyperv = installFakeHyperV(host);
  const { context, events } = memoryContext({
    host,
    directory,
    stored: configure({
      'hyperv-disk-size': 1000,
      ...options.flags,
    }).config,
    readConfig,
    boot: {
      image: {
        ...{ digest: 'd', version: 'v', architecture: 'amd64' },
        ...{ kernelPath: '', initrdPath: '', rootPath: '', isoPath: 'C:\\i\\image.iso' },
      },
      guestFiles: [{ name: 'hostname', path: `${directory}\\guest\\hostname` }],
      shares: [],
    },
  });
  return {
    host,
    hyperv,
    context,
    events,
    operations: () => hyperv.calls.map(({ operation }) => operation),
    make: async () => {
      for (const step of machineSteps(context)) {
        await step.run();
      }
    },
  };
}
