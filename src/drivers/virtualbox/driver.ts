import { defineDriver } from '../driver.ts';
import { replaceIso } from '../own-iso.ts';
import { change, configure, readConfig, type VirtualBoxConfig } from './config.ts';
import { machineFiles } from './machine.ts';
import { manifest } from './manifest.ts';
import { machineSteps } from './steps.ts';

// What changes a machine is loaded when it is called: `inspect` is on the way of every `url` and `ls`.
export default defineDriver<VirtualBoxConfig>(manifest, {
  configure,
  readConfig,
  change,
  check: async (context) => (await import('./check.ts')).checkHost(context),
  // The kernel of a guest of ARM has no file system for shared folders.
  shareWays: async ({ host, config }) =>
    Promise.resolve(config.noShare ? [] : host.facts.arch === 'arm64' ? ['sftp'] : ['vboxsf', 'sftp']),
  steps: machineSteps,
  start: async (context) => (await import('./start.ts')).startMachine(context),
  stop: async (context) => (await import('./stop.ts')).stopMachine(context),
  kill: async (context) => (await import('./stop.ts')).killMachine(context),
  remove: async (context) => (await import('./remove.ts')).removeFromVirtualBox(context),
  changeImage: async (context) => replaceIso(context, machineFiles(context).iso),
  inspect: async (context) => (await import('./inspect.ts')).inspectMachine(context),
  listForwards: async (context) => (await import('./forwards.ts')).listForwards(context),
  changeForwards: async (context, wanted) => (await import('./forwards.ts')).changeForwards(context, wanted),
  logs: (context) => {
    const files = machineFiles(context);
    return [
      { name: 'console', path: files.console },
      { name: 'virtualbox', path: files.log },
      { name: 'console of the start before', path: files.consoleBefore },
    ];
  },
});
