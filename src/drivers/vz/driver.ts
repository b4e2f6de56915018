import { MachineError } from '../../core/errors.ts';
import { defineDriver, type DriverContext, type Step } from '../driver.ts';
import { change, configure, readConfig, type VzConfig } from './config.ts';
import { inspectMachine } from './inspect.ts';
import { vzFiles } from './machine.ts';
import { manifest } from './manifest.ts';

// `inspect` is on the way of every `url` and `ls`; whatever changes a machine is loaded when it is called.
export default defineDriver<VzConfig>(manifest, {
  configure,
  change,
  readConfig,
  check: async (context) => (await import('./check.ts')).checkHost(context),
  steps: (context) => [diskStep(context)],
  start: async (context) => (await import('./start.ts')).startMachine(context),
  stop: async (context) => (await import('./stop.ts')).stopMachine(context),
  kill: async (context) => (await import('./stop.ts')).killMachine(context),
  remove: async (context) => {
    await (await import('./stop.ts')).killMachine(context);
    await context.host.files.remove(vzFiles(context).socket);
  },
  inspect: inspectMachine,
  listForwards: async () => refuseForwards(),
  changeForwards: async () => refuseForwards(),
  logs: (context) => {
    const { console, consoleBefore, log } = vzFiles(context);
    return [
      { name: 'console', path: console },
      { name: 'vfkit', path: log },
      { name: 'console of the start before', path: consoleBefore },
    ];
  },
});

function diskStep(context: DriverContext<VzConfig>): Step {
  const { host, config, boot } = context;
  const { disk } = vzFiles(context);
  return {
    name: 'disk',
    summary: `Creating the disk (${config.diskSizeMiB} MB)`,
    done: async () => (await import('../raw-disk.ts')).hasRawDisk(host, disk),
    run: async () => {
      const { createRawDisk } = await import('../raw-disk.ts');
      await createRawDisk(host, disk, { sizeMiB: config.diskSizeMiB, boot });
      return { diskSizeMiB: config.diskSizeMiB };
    },
    undo: async () => {
      await (await import('../raw-disk.ts')).removeRawDisk(host, disk);
    },
  };
}

/** Ports of this computer are carried to the machine's address by whoever wants them. */
function refuseForwards(): never {
  throw new MachineError('capability-missing', 'vfkit forwards no ports.', {
    why: 'Its machines have an address of their own.',
  });
}
