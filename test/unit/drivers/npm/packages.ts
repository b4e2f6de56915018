import { defineDriver, type DriverManifest } from '../../../../src/drivers/driver.ts';
import { installationText, type Installation } from '../../../../src/drivers/npm/installation.ts';

/** Where drivers are on the computer in memory. */
export const driversPath = '/home/ann/.local/share/tsmachine/drivers';

/** A manifest as a package brings it. */
export function exampleManifest(change: Partial<Record<keyof DriverManifest, unknown>> = {}): DriverManifest {
  const manifest: DriverManifest = {
    name: 'example',
    title: 'An example',
    platforms: [],
    flags: [{ name: 'example-size', type: 'int', env: 'EXAMPLE_SIZE', default: 1, help: 'A size' }],
    capabilities: { boots: 'nothing', power: true, ssh: false, localEndpoints: false, resume: false },
  };
  return { ...manifest, ...(change as Partial<DriverManifest>) };
}

/** What is known of the installed package. */
export function exampleInstallation(change: Partial<Record<keyof Installation, unknown>> = {}): Installation {
  const installation: Installation = {
    packageName: 'tsmachine-driver-example',
    version: '1.2.3',
    driver: 'example',
    title: 'An example',
    apiVersion: 1,
    from: 'tsmachine-driver-example@1',
    manifest: exampleManifest(),
  };
  return { ...installation, ...(change as Partial<Installation>) };
}

/** Files of an installed driver. */
export function installedTree(installation = exampleInstallation()): Record<string, string> {
  return { [`${driversPath}/${installation.driver}/driver.json`]: installationText(installation) };
}

/** A module with a driver, as `import()` gives it. */
export function exampleModule(change: Readonly<Record<string, unknown>> = {}): { readonly default: unknown } {
  const nothing = async (): Promise<void> => undefined;
  const driver = defineDriver<unknown>(exampleManifest(), {
    configure: () => ({ config: {} }),
    readConfig: () => ({}),
    check: async () => [],
    steps: () => [],
    start: nothing,
    stop: nothing,
    kill: nothing,
    remove: nothing,
    inspect: async () => ({ power: 'stopped' }),
  });
  return { default: { ...driver, ...change } };
}
