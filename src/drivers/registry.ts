import { MachineError } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import type { Driver, DriverEnvironment, DriverManifest } from './driver.ts';

/** How to get at one driver. Both load its code only when they are called. */
interface RegistryEntry {
  manifest(environment: DriverEnvironment): Promise<DriverManifest>;
  load(environment: DriverEnvironment): Promise<Driver>;
}

const entries: Readonly<Record<string, RegistryEntry>> = {
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
 * Flags and capabilities of a driver, without its implementation. A plugin is started to tell its flags.
 * @throws MachineError `driver-unknown`, `plugin-failed`.
 */
export async function loadManifest(name: string, environment: DriverEnvironment): Promise<DriverManifest> {
  const entry = builtIn(name);
  if (entry !== undefined) {
    return entry.manifest(environment);
  }
  const { findPlugin, pluginNameOf } = await import('./plugin/find.ts');
  const program = await findPlugin(environment.host, name);
  if (program === undefined) {
    throw new MachineError(
      'driver-unknown',
      `Driver ${JSON.stringify(name)} not found. Do you have the plugin binary ${JSON.stringify(pluginNameOf(name))} accessible in your PATH?`,
      { why: `Built in are: ${driverNames.join(', ')}.` },
    );
  }
  const { loadPluginManifest } = await import('./plugin/driver.ts');
  return loadPluginManifest(environment, program);
}

/**
 * A driver, ready to be called: one that is built in, else a plugin. Nothing is executed.
 * @throws MachineError `driver-unknown`.
 */
export async function loadDriver(name: string, environment: DriverEnvironment): Promise<Driver> {
  const entry = builtIn(name);
  if (entry !== undefined) {
    return entry.load(environment);
  }
  const { findPlugin, pluginNameOf } = await import('./plugin/find.ts');
  const program = await findPlugin(environment.host, name);
  if (program === undefined) {
    throw new MachineError(
      'driver-unknown',
      `Driver ${JSON.stringify(name)} not found. Do you have the plugin binary accessible in your PATH?`,
      {
        exitCode: 1,
        remedies: [
          `Put ${pluginNameOf(name)} on PATH, then run the command again.`,
          'tsmachine rm --force NAME removes the machine here; what the driver has made elsewhere stays.',
        ],
      },
    );
  }
  const { createPluginDriver } = await import('./plugin/driver.ts');
  return createPluginDriver(environment, program);
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

function builtIn(name: string): RegistryEntry | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
}
