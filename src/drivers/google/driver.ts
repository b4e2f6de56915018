import { defineDriver } from '../driver.ts';
import { configure, readConfig, type GoogleConfig } from './config.ts';
import { inspectInstance, inspectMany, recallStatus } from './inspect.ts';
import { placeOf } from './place.ts';
import { manifest } from './manifest.ts';
import { instanceSteps } from './steps.ts';

// What changes a machine is loaded when it is called. Google has no other way to take the power than to stop.
export default defineDriver<GoogleConfig>(manifest, {
  configure,
  readConfig,
  check: async (context) => (await import('./check.ts')).checkGoogle(context),
  steps: instanceSteps,
  start: async (context) => (await import('./power.ts')).startInstance(context),
  stop: async (context) => (await import('./power.ts')).stopInstance(context),
  kill: async (context) => (await import('./power.ts')).stopInstance(context),
  restart: async (context) => (await import('./power.ts')).restartInstance(context),
  remove: async (context) => (await import('./remove.ts')).removeFromGoogle(context),
  inspect: inspectInstance,
  inspectMany,
  recall: recallStatus,
  place: placeOf,
  listOwned: async (context, storeId) => (await import('./owned.ts')).listOwned(context, storeId),
  removeOwned: async (context, resource) => (await import('./owned.ts')).removeOwned(context, resource),
  adoptOwned: async (context, instance, storeId) =>
    (await import('./adopt.ts')).adoptOwned(context, instance, storeId),
  changeExpiry: async (context, expiresMs) => (await import('./expiry.ts')).changeExpiry(context, expiresMs),
  images: async () => (await import('./images.ts')).googleImages,
});
