import type { Host } from '../../host/types.ts';

/** A program that speaks the protocol of plugins. */
export interface PluginProgram {
  readonly driverName: string;
  /** Absolute path. */
  readonly path: string;
}

/** Drivers that docker-machine itself contains: it is its own plugin for them. Rancher's has two more. */
const coreDrivers: ReadonlySet<string> = new Set([
  'amazonec2',
  'azure',
  'digitalocean',
  'exoscale',
  'generic',
  'google',
  'hyperv',
  'none',
  'noop',
  'openstack',
  'pod',
  'rackspace',
  'softlayer',
  'virtualbox',
  'vmwarefusion',
  'vmwarevcloudair',
  'vmwarevsphere',
]);

/** True for a driver that docker-machine contains, and which needs no plugin of its own then. */
export function isCoreDriver(driverName: string): boolean {
  return coreDrivers.has(driverName);
}

/** What the plugin of a driver is called. */
export function pluginNameOf(driverName: string): string {
  return `docker-machine-driver-${driverName}`;
}

/**
 * The program that is the plugin of a driver: `docker-machine-driver-NAME` on PATH, or for a driver that docker-machine
 * contains docker-machine or rancher-machine itself, unless that is this program. Nothing is executed.
 */
export async function findPlugin(host: Host, driverName: string): Promise<PluginProgram | undefined> {
  if (!/^[A-Za-z0-9][\w.-]{0,63}$/.test(driverName)) {
    return undefined;
  }
  const own = await host.processes.find(pluginNameOf(driverName));
  if (own !== undefined) {
    return { driverName, path: own };
  }
  for (const program of isCoreDriver(driverName) ? ['docker-machine', 'rancher-machine'] : []) {
    const path = await host.processes.find(program);
    if (path !== undefined && !(await isThisProgram(host, path))) {
      return { driverName, path };
    }
  }
  return undefined;
}

async function isThisProgram(host: Host, path: string): Promise<boolean> {
  const real = await host.files.realPath(path).catch(() => path);
  const root = await host.files.realPath(host.facts.packageRoot).catch(() => host.facts.packageRoot);
  return real.startsWith(root) && /^[/\\]/.test(real.slice(root.length));
}
