import { MachineError } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import type { Driver, DriverEnvironment, DriverManifest } from './driver.ts';

/** How to get at one driver. Both load its code only when they are called. */
interface RegistryEntry {
  manifest(environment: DriverEnvironment): Promise<DriverManifest>;
  load(environment: DriverEnvironment): Promise<Driver>;
}

/** A place where drivers come from: the entry of a name that it knows. */
type Finder = (name: string, environment: DriverEnvironment) => Promise<RegistryEntry | undefined>;

const entries: Readonly<Record<string, RegistryEntry>> = {
  amazonec2: {
    manifest: async () => (await import('./amazonec2/manifest.ts')).manifest,
    load: async () => (await import('./amazonec2/driver.ts')).default,
  },
  azure: {
    manifest: async () => (await import('./azure/manifest.ts')).manifest,
    load: async () => (await import('./azure/driver.ts')).default,
  },
  digitalocean: {
    manifest: async () => (await import('./digitalocean/manifest.ts')).manifest,
    load: async () => (await import('./digitalocean/driver.ts')).default,
  },
  generic: {
    manifest: async () => (await import('./generic/manifest.ts')).manifest,
    load: async () => (await import('./generic/driver.ts')).default,
  },
  google: {
    manifest: async () => (await import('./google/manifest.ts')).manifest,
    load: async () => (await import('./google/driver.ts')).default,
  },
  hetzner: {
    manifest: async () => (await import('./hetzner/manifest.ts')).manifest,
    load: async () => (await import('./hetzner/driver.ts')).default,
  },
  hyperv: {
    manifest: async () => (await import('./hyperv/manifest.ts')).manifest,
    load: async () => (await import('./hyperv/driver.ts')).default,
  },
  libvirt: {
    manifest: async () => (await import('./libvirt/manifest.ts')).manifest,
    load: async () => (await import('./libvirt/driver.ts')).default,
  },
  none: {
    manifest: async () => (await import('./none/manifest.ts')).manifest,
    load: async () => (await import('./none/driver.ts')).default,
  },
  qemu: {
    manifest: async () => (await import('./qemu/manifest.ts')).manifest,
    load: async () => (await import('./qemu/driver.ts')).default,
  },
  virtualbox: {
    manifest: async () => (await import('./virtualbox/manifest.ts')).manifest,
    load: async () => (await import('./virtualbox/driver.ts')).default,
  },
  vz: {
    manifest: async () => (await import('./vz/manifest.ts')).manifest,
    load: async () => (await import('./vz/driver.ts')).default,
  },
};

const builtIn: Finder = async (name) => (Object.hasOwn(entries, name) ? entries[name] : undefined);

const installed: Finder = async (name, { host }) => {
  const { readInstallation } = await import('./npm/installation.ts');
  const installation = await readInstallation(host, name);
  return installation === undefined
    ? undefined
    : {
        manifest: async () => installation.manifest,
        load: async () => (await import('./npm/load.ts')).loadInstalled(host, installation),
      };
};

const plugin: Finder = async (name, { host }) => {
  const { findPlugin } = await import('./plugin/find.ts');
  const program = await findPlugin(host, name);
  return program === undefined
    ? undefined
    : {
        manifest: async (environment) =>
          (await import('./plugin/driver.ts')).loadPluginManifest(environment, program),
        load: async (environment) =>
          (await import('./plugin/driver.ts')).createPluginDriver(environment, program),
      };
};

/** The first that knows a name has it. */
const finders: readonly Finder[] = [builtIn, installed, plugin];

/** Names of the built-in drivers, sorted. */
export const driverNames: readonly string[] = Object.keys(entries).sort();

/**
 * Flags and capabilities of a driver that somebody wants to use. A plugin is started to tell its flags.
 * @throws MachineError `driver-unknown`, `driver-invalid`, `plugin-failed`.
 */
export async function loadManifest(name: string, environment: DriverEnvironment): Promise<DriverManifest> {
  const entry = await entryOf(name, environment);
  if (entry === undefined) {
    const plugin = JSON.stringify(`docker-machine-driver-${name}`);
    const message = `Driver ${JSON.stringify(name)} not found. Do you have the plugin binary ${plugin} accessible in your PATH?`;
    throw new MachineError('driver-unknown', message, { why: `Built in are: ${driverNames.join(', ')}.` });
  }
  return entry.manifest(environment);
}

/**
 * The driver of a machine that exists, ready to be called. A plugin is not started by this.
 * @throws MachineError `driver-unknown`, `driver-invalid`.
 */
export async function loadDriver(name: string, environment: DriverEnvironment): Promise<Driver> {
  const entry = await entryOf(name, environment);
  if (entry === undefined) {
    const message = `Driver ${JSON.stringify(name)} not found. Do you have the plugin binary accessible in your PATH?`;
    throw new MachineError('driver-unknown', message, {
      exitCode: 1,
      remedies: [
        `Install the driver (tsmachine driver add PACKAGE), or put docker-machine-driver-${name} on PATH.`,
        'tsmachine rm --force NAME removes the machine here; what the driver has made elsewhere stays.',
      ],
    });
  }
  return entry.load(environment);
}

/** A hypervisor that may be there, and the driver of it. */
interface Candidate {
  readonly name: string;
  readonly title: string;
  readonly find: (host: Host) => Promise<string | undefined>;
}

const qemuCandidate: Candidate = {
  name: 'qemu',
  title: 'QEMU',
  find: async (host) => host.processes.find(qemuProgram(host)),
};

const virtualboxCandidate: Candidate = {
  name: 'virtualbox',
  title: 'VirtualBox',
  find: async (host) => (await import('./virtualbox/find.ts')).findVBoxManage(host),
};

const hypervCandidate: Candidate = {
  name: 'hyperv',
  title: 'Hyper-V',
  find: async (host) => (await import('./hyperv/find.ts')).findReadyHyperV(host),
};

const vzCandidate: Candidate = {
  name: 'vz',
  title: 'vfkit',
  find: async (host) => (await import('./vz/find.ts')).findReadyVfkit(host),
};

/**
 * Apple's own framework, where somebody has installed vfkit for it, shares directories best. Else QEMU: it has no privileges to ask for, and is the quicker one where it has an accelerator; on Windows it seldom has, and
 * VirtualBox is slow where Hyper-V runs.
 */
function candidates({ facts }: Host): readonly Candidate[] {
  switch (facts.platform) {
    case 'win32':
      return [hypervCandidate, virtualboxCandidate, qemuCandidate];
    case 'darwin':
      return [vzCandidate, qemuCandidate, virtualboxCandidate];
    default:
      return [qemuCandidate, virtualboxCandidate];
  }
}

function qemuProgram({ facts }: Host): string {
  return facts.arch === 'arm64' ? 'qemu-system-aarch64' : 'qemu-system-x86_64';
}

/** The driver for a create that names none: the first whose hypervisor is there. And a sentence that says why. */
export async function defaultDriver(host: Host): Promise<{ readonly name: string; readonly why: string }> {
  for (const { name, title, find } of candidates(host)) {
    const path = await find(host);
    if (path !== undefined) {
      return { name, why: `${title} is installed (${path})` };
    }
  }
  const why = `it needs the least, but ${qemuProgram(host)} was not found on PATH, and neither was VBoxManage`;
  return { name: 'qemu', why };
}

async function entryOf(name: string, environment: DriverEnvironment): Promise<RegistryEntry | undefined> {
  for (const find of finders) {
    const entry = await find(name, environment);
    if (entry !== undefined) {
      return entry;
    }
  }
  return undefined;
}
