import { defineDriver } from '../driver.ts';
import { configure, readConfig, type Ec2Config } from './config.ts';
import { inspectInstance, recallStatus } from './inspect.ts';
import { manifest } from './manifest.ts';
import { placeOf } from './place.ts';
import { instanceSteps } from './steps.ts';

// What changes a machine is loaded when it is called.
export default defineDriver<Ec2Config>(manifest, {
  configure,
  readConfig,
  check: async (context) => (await import('./check.ts')).checkEc2(context),
  steps: instanceSteps,
  start: async (context) => (await import('./power.ts')).startInstance(context),
  stop: async (context) => (await import('./power.ts')).stopInstance(context),
  kill: async (context) => (await import('./power.ts')).killInstance(context),
  restart: async (context) => (await import('./power.ts')).restartInstance(context),
  remove: async (context) => (await import('./remove.ts')).removeFromEc2(context),
  inspect: inspectInstance,
  recall: recallStatus,
  place: placeOf,
  listOwned: async (context, storeId) => (await import('./owned.ts')).listOwned(context, storeId),
  removeOwned: async (context, resource) => (await import('./owned.ts')).removeOwned(context, resource),
  images: async () => (await import('./images.ts')).ec2Images,
  adoptOwned: async (context, instance, storeId) =>
    (await import('./adopt.ts')).adoptOwned(context, instance, storeId),
  changeExpiry: async (context, expiresMs) => (await import('./expiry.ts')).changeExpiry(context, expiresMs),
  inspectMany: async (contexts) => (await import('./inspect-many.ts')).inspectInstances(contexts),
});
