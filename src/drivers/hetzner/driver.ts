import { defineDriver } from '../driver.ts';
import { configure, readConfig, type HetznerConfig } from './config.ts';
import { inspectServer, inspectServers, recallStatus } from './inspect.ts';
import { placeOf } from './place.ts';
import { manifest } from './manifest.ts';
import { serverSteps } from './steps.ts';

// What changes a machine is loaded when it is called.
export default defineDriver<HetznerConfig>(manifest, {
  configure,
  readConfig,
  check: async (context) => (await import('./check.ts')).checkHetzner(context),
  steps: serverSteps,
  start: async (context) => (await import('./power.ts')).startServer(context),
  stop: async (context) => (await import('./power.ts')).stopServer(context),
  kill: async (context) => (await import('./power.ts')).killServer(context),
  restart: async (context) => (await import('./power.ts')).restartServer(context),
  remove: async (context) => (await import('./remove.ts')).removeFromHetzner(context),
  inspect: inspectServer,
  inspectMany: inspectServers,
  recall: recallStatus,
  place: placeOf,
  listOwned: async (context, storeId) => (await import('./owned.ts')).listOwned(context, storeId),
  removeOwned: async (context, resource) => (await import('./owned.ts')).removeOwned(context, resource),
  images: async () => (await import('./images.ts')).hetznerImages,
  adoptOwned: async (context, instance, storeId) =>
    (await import('./adopt.ts')).adoptOwned(context, instance, storeId),
  changeExpiry: async (context, expiresMs) => (await import('./expiry.ts')).changeExpiry(context, expiresMs),
});
