import { defineDriver } from '../driver.ts';
import { configure, readConfig, type DropletConfig } from './config.ts';
import { inspectDroplet, recallStatus } from './inspect.ts';
import { manifest } from './manifest.ts';
import { placeOf } from './place.ts';
import { dropletSteps } from './steps.ts';

// What changes a machine is loaded when it is called.
export default defineDriver<DropletConfig>(manifest, {
  configure,
  readConfig,
  check: async (context) => (await import('./check.ts')).checkDigitalOcean(context),
  steps: dropletSteps,
  start: async (context) => (await import('./power.ts')).startDroplet(context),
  stop: async (context) => (await import('./power.ts')).stopDroplet(context),
  kill: async (context) => (await import('./power.ts')).killDroplet(context),
  restart: async (context) => (await import('./power.ts')).restartDroplet(context),
  remove: async (context) => (await import('./remove.ts')).removeFromDigitalOcean(context),
  inspect: inspectDroplet,
  inspectMany: async (contexts) => (await import('./inspect-many.ts')).inspectDroplets(contexts),
  recall: recallStatus,
  place: placeOf,
  listOwned: async (context, storeId) => (await import('./owned.ts')).listOwned(context, storeId),
  removeOwned: async (context, resource) => (await import('./owned.ts')).removeOwned(context, resource),
  images: async () => (await import('./images.ts')).dropletImages,
  adoptOwned: async (context, instance, storeId) =>
    (await import('./adopt.ts')).adoptOwned(context, instance, storeId),
  changeExpiry: async (context, expiresMs) => (await import('./expiry.ts')).changeExpiry(context, expiresMs),
});
