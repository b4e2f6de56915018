import { defineDriver } from '../driver.ts';
import { configure, readConfig, type AzureConfig } from './config.ts';
import { inspectMachine, inspectMachines, recallStatus } from './inspect.ts';
import { placeOf } from './place.ts';
import { manifest } from './manifest.ts';
import { machineSteps } from './steps.ts';

// What changes a machine is loaded when it is called.
export default defineDriver<AzureConfig>(manifest, {
  configure,
  readConfig,
  check: async (context) => (await import('./check.ts')).checkAzure(context),
  steps: machineSteps,
  start: async (context) => (await import('./power.ts')).startMachine(context),
  stop: async (context) => (await import('./power.ts')).stopMachine(context),
  kill: async (context) => (await import('./power.ts')).killMachine(context),
  restart: async (context) => (await import('./power.ts')).restartMachine(context),
  remove: async (context) => (await import('./remove.ts')).removeFromAzure(context),
  inspect: inspectMachine,
  inspectMany: inspectMachines,
  recall: recallStatus,
  place: placeOf,
  listOwned: async (context, storeId) => (await import('./owned.ts')).listOwned(context, storeId),
  removeOwned: async (context, resource) => (await import('./owned.ts')).removeOwned(context, resource),
  adoptOwned: async (context, instance, storeId) =>
    (await import('./adopt.ts')).adoptOwned(context, instance, storeId),
  images: async () => (await import('./images.ts')).azureImages,
  changeExpiry: async (context, expiresMs) => (await import('./expiry.ts')).changeExpiry(context, expiresMs),
});
