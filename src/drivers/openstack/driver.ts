import { defineDriver } from '../driver.ts';
import { readConfig, type OpenStackConfig } from './config.ts';
import { configure } from './configure.ts';
import { inspectServer, inspectServers, recallStatus } from './inspect.ts';
import { placeOf } from './place.ts';
import { manifest } from './manifest.ts';
import { serverSteps } from './steps.ts';

// What changes a machine is loaded when it is called.
export default defineDriver<OpenStackConfig>(manifest, {
  configure,
  readConfig,
  check: async (context) => (await import('./check.ts')).checkOpenStack(context),
  steps: serverSteps,
  start: async (context) => (await import('./power.ts')).startServer(context),
  stop: async (context) => (await import('./power.ts')).stopServer(context),
  // Nova has no harder stop for those who are no administrators.
  kill: async (context) => (await import('./power.ts')).stopServer(context),
  restart: async (context) => (await import('./power.ts')).restartServer(context),
  remove: async (context) => (await import('./remove.ts')).removeFromOpenStack(context),
  inspect: inspectServer,
  inspectMany: inspectServers,
  recall: recallStatus,
  place: placeOf,
  listOwned: async (context, storeId) => (await import('./owned.ts')).listOwned(context, storeId),
  removeOwned: async (context, resource) => (await import('./owned.ts')).removeOwned(context, resource),
  adoptOwned: async (context, instance, storeId) =>
    (await import('./adopt.ts')).adoptOwned(context, instance, storeId),
  images: async () => (await import('./images.ts')).openStackImages,
  changeExpiry: async (context, expiresMs) => (await import('./expiry.ts')).changeExpiry(context, expiresMs),
});
