import { MachineError } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import type { Driver, DriverEnvironment, DriverManifest } from './driver.ts';

/** How to get at one driver. Both load its code only when they are called. */
interface RegistryEntry {
  manifest(environment: DriverEnvironment): Promise<DriverManifest>;
  load(environment: DriverEnvironment): Promise<Driver>;
}

const entries: Readonly<Record<string, RegistryEntry>> = {
  generic: {
    manifest: async () => (await import('./generic/manifest.ts')).manifest,
    load: async () => (await import('./generic/driver.ts')).default,
  },
  none: {
    manifest: async () => (await import('./none/manifest.ts')).manifest,
    load: async () => (await import('./none/driver.ts')).default,
  },
  qemu: {
    manifest: async () => (await import('./qemu/manifest.ts')).manifest,
    load: async () => (await import('./qemu/driver.ts')).default,
  },
};

/** Names of the built-in drivers, sorted. */
export const driverNames: readonly string[] = Object.keys(entries).sort();

/**
 * Flags and capabilities of a driver, without its implementation.
 * @throws MachineError `driver-unknown`.
 */
export async function loadManifest(name: string, environment: DriverEnvironment): Promise<DriverManifest> {
  return entryOf(name).manifest(environment);
}

/**
 * A driver, ready to be called.
 * @throws MachineError `driver-unknown`.
 */
export async function loadDriver(name: string, environment: DriverEnvironment): Promise<Driver> {
  return entryOf(name).load(environment);
}

/** The driver for a create that names none, and a sentence that says why it was chosen. */
export async function defaultDriver(host: Host): Promise<{ readonly name: string; readonly why: string }> {
  const program = host.facts.arch === 'arm64' ? 'qemu-system-aarch64' : 'qemu-system-x86_64';
  const path = await host.processes.find(program);
  return {
    name: 'qemu',
    why:
      path === undefined
        ? `it is the only driver for local machines, but ${program} was not found on PATH`
        : `QEMU is installed (${path})`,
  };
}

function entryOf(name: string): RegistryEntry {
  const entry = Object.hasOwn(entries, name) ? entries[name] : undefined;
  if (entry === undefined) {
    throw new MachineError('driver-unknown', `There is no driver "${name}".`, {
      why: `Built in are: ${driverNames.join(', ')}.`,
    });
  }
  return entry;
}
