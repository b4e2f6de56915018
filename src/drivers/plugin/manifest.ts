import type { DriverManifest, FlagDefinition } from '../driver.ts';

/** Drivers of these names make no host on which an engine could be set up; docker-machine goes by the names as well. */
const hostless: ReadonlySet<string> = new Set(['ci-test', 'none']);

/** What is known of a plugin's driver. The flags only where somebody has asked the plugin for them. */
export function pluginManifest(driverName: string, flags: readonly FlagDefinition[]): DriverManifest {
  const isHostless = hostless.has(driverName);
  return {
    name: driverName,
    title: `Plugin docker-machine-driver-${driverName}`,
    platforms: [],
    flags,
    capabilities: {
      boots: isHostless ? 'nothing' : 'host',
      ...(isHostless ? { engine: false } : {}),
      power: true,
      ssh: true,
      localEndpoints: false,
      resume: false,
    },
  };
}
