import { defineDriver } from '../driver.ts';
import { change, configure, readConfig, type LibvirtConfig } from './config.ts';
import { domainFiles } from './domain.ts';
import { inspectMachine } from './inspect.ts';
import { manifest } from './manifest.ts';
import { machineSteps } from './steps.ts';

// `inspect` is on the way of every `url` and `ls`; whatever changes a machine is loaded when it is called.
export default defineDriver<LibvirtConfig>(manifest, {
  configure,
  change,
  readConfig,
  check: async (context) => (await import('./check.ts')).checkHost(context),
  steps: machineSteps,
  start: async (context) => (await import('./start.ts')).startMachine(context),
  stop: async (context) => (await import('./stop.ts')).stopMachine(context),
  kill: async (context) => (await import('./stop.ts')).killMachine(context),
  remove: async (context) => (await import('./remove.ts')).removeFromLibvirt(context),
  inspect: inspectMachine,
  listForwards: async (context) => (await import('./forwards.ts')).listForwards(context),
  changeForwards: async (context, wanted) => (await import('./forwards.ts')).changeForwards(context, wanted),
  logs: (context) => {
    const files = domainFiles(context);
    return [
      { name: 'console', path: files.console },
      { name: 'console of the start before', path: files.consoleBefore },
    ];
  },
});
