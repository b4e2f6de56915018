import { defineDriver } from '../driver.ts';
import { replaceIso } from '../own-iso.ts';
import { change, configure, readConfig, type HyperVConfig } from './config.ts';
import { machineFiles } from './machine.ts';
import { manifest } from './manifest.ts';
import { machineSteps } from './steps.ts';

// What changes a machine is loaded when it is called: `inspect` is on the way of every `url` and `ls`.
export default defineDriver<HyperVConfig>(manifest, {
  configure,
  readConfig,
  change,
  check: async (context) => (await import('./check.ts')).checkHost(context),
  steps: machineSteps,
  start: async (context) => (await import('./start.ts')).startMachine(context),
  stop: async (context) => (await import('./stop.ts')).stopMachine(context),
  kill: async (context) => (await import('./stop.ts')).killMachine(context),
  remove: async (context) => (await import('./remove.ts')).removeFromHyperV(context),
  changeImage: async (context) => replaceIso(context, machineFiles(context).iso),
  inspect: async (context) => (await import('./inspect.ts')).inspectMachine(context),
  logs: (context) => {
    const { console, consoleBefore } = machineFiles(context);
    return [
      { name: 'console', path: console },
      { name: 'console of the start before', path: consoleBefore },
    ];
  },
});
