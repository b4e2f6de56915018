import type { MachineEvent } from '../../../src/core/events.ts';
import type { DriverContext, FlagValues } from '../../../src/drivers/driver.ts';
import { configure, readConfig, type HyperVConfig } from '../../../src/drivers/hyperv/config.ts';
import { machineSteps } from '../../../src/drivers/hyperv/steps.ts';
import { createFakeHost, type FakeHost, type FakeHostOptions } from '../../fakes/host.ts';
import { installFakeHyperV, type MemoryHyperV } from '../../fakes/hyperv/memory-world.ts';

/** A machine of the driver hyperv on a host in memory. */
export interface Scene {
  readonly host: FakeHost;
  readonly hyperv: MemoryHyperV;
  readonly context: {
    -readonly [Key in keyof DriverContext<HyperVConfig>]: DriverContext<HyperVConfig>[Key];
  };
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
  const events: MachineEvent[] = [];
  let stored: Readonly<Record<string, unknown>> = configure({
    'hyperv-disk-size': 1000,
    ...options.flags,
  }).config;
  const context: Scene['context'] = {
    host,
    name: 'dev',
    directory,
    config: readConfig(stored),
    signal: new AbortController().signal,
    emit: (event) => {
      events.push(event);
    },
    save: async (part) => {
      stored = { ...stored, ...part };
      context.config = readConfig(stored);
    },
    boot: {
      image: {
        ...{ digest: 'd', version: 'v', architecture: 'amd64' },
        ...{ kernelPath: '', initrdPath: '', rootPath: '', isoPath: 'C:\\i\\image.iso' },
      },
      guestFiles: [{ name: 'hostname', path: `${directory}\\guest\\hostname` }],
      shares: [],
    },
  };
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
