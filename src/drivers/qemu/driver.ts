import { defineDriver, type DriverContext, type Step } from '../driver.ts';
import { change, configure, readConfig, type QemuConfig } from './config.ts';
import { manifest } from './manifest.ts';
import { fileIn, inspectMachine } from './run-state.ts';

// `inspect` is on the way of every `url` and `ls`; whatever changes a machine is loaded when it is called.
export default defineDriver<QemuConfig>(manifest, {
  configure,
  change,
  readConfig,
  check: async (context) => (await import('./check.ts')).checkHost(context),
  shareWays: async (context) => (await import('./share-ways.ts')).usableShareWays(context),
  steps: (context) => [templateStep(context), diskStep(context)],
  start: async (context) => (await import('./start.ts')).startMachine(context),
  stop: async (context) => (await import('./stop.ts')).stopMachine(context),
  kill: async (context) => (await import('./stop.ts')).killMachine(context),
  remove: async (context) => (await import('./stop.ts')).removeMachine(context),
  inspect: inspectMachine,
  prune: async (context) => (await import('./template/prune.ts')).pruneTemplateCache(context),
  listForwards: async (context) => (await import('./forwards.ts')).listForwards(context),
  changeForwards: async (context, change) => (await import('./forwards.ts')).changeForwards(context, change),
  logs: ({ directory }) => [
    { name: 'console', path: fileIn(directory, 'console.log') },
    { name: 'qemu', path: fileIn(directory, 'qemu.log') },
    { name: 'virtiofsd', path: fileIn(directory, 'virtiofsd.log') },
    { name: 'console of the start before', path: fileIn(directory, 'console.log.1') },
    { name: 'qemu of the start before', path: fileIn(directory, 'qemu.log.1') },
  ],
});

function templateStep(context: DriverContext<QemuConfig>): Step {
  return {
    name: 'template',
    summary: 'Deciding how to start the machine',
    run: async () => (await import('./template/prepare.ts')).prepareResume(context),
  };
}

function diskStep(context: DriverContext<QemuConfig>): Step {
  const { host, config } = context;
  const path = fileIn(context.directory, 'disk.qcow2');
  return {
    name: 'disk',
    summary: `Creating the disk (${config.diskSizeMiB} MB)`,
    done: async () => (await import('./disk.ts')).hasDisk(host, path),
    run: async () => {
      await (await import('./template/prepare.ts')).prepareNewDisk(context, path);
      return { diskSizeMiB: config.diskSizeMiB };
    },
    undo: async () => {
      await (await import('./disk.ts')).removeDiskRemains(host, path);
      await host.files.remove(path);
    },
  };
}
