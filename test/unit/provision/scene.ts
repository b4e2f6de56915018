import { createHash } from 'node:crypto';
import { parseOsRelease } from '../../../src/provision/os-release.ts';
import type { HostFacts } from '../../../src/provision/facts.ts';
import { planSetup } from '../../../src/provision/plan.ts';
import type { HostSetup, SetupPlan } from '../../../src/provision/setup.ts';
import { units } from '../../fixtures/provision/systems.ts';

/** A Debian with an engine that runs, untouched as yet. */
export function debianFacts(change: Partial<HostFacts> = {}): HostFacts {
  return {
    isRoot: true,
    userName: 'root',
    hasSudo: false,
    os: parseOsRelease('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'),
    architecture: 'x86_64',
    hostName: 'debian',
    serviceManager: 'systemd',
    enginePath: '/usr/sbin/dockerd',
    unit: units.debian.trim(),
    environmentFiles: new Map(),
    serviceEnabled: true,
    engine: runningEngine(),
    containerProcesses: 0,
    storageWithData: [],
    files: new Map([
      ['/etc/hostname', 'debian\n'],
      ['/etc/hosts', '127.0.0.1 localhost\n127.0.1.1 debian\n'],
    ]),
    digests: new Map(),
    firewall: undefined,
    downloader: undefined,
    takesCertificates: false,
    ...change,
  };
}

/** What such an engine says of itself. */
export function runningEngine(
  change: Partial<NonNullable<HostFacts['engine']>> = {},
): NonNullable<HostFacts['engine']> {
  return {
    version: '20.10.24',
    storageDriver: 'overlay2',
    containersRunning: 0,
    hasData: false,
    liveRestore: false,
    swarmActive: false,
    ...change,
  };
}

/** What a machine wants of its host. */
export function setupOf(
  options: Partial<NonNullable<HostSetup['options']>> = {},
  change: Partial<HostSetup> = {},
): HostSetup {
  return {
    machineName: 'dev',
    driverName: 'generic',
    address: '192.0.2.7',
    enginePort: 2376,
    options: {
      ArbitraryFlags: [],
      Env: [],
      InsecureRegistry: [],
      Labels: [],
      RegistryMirror: [],
      StorageDriver: '',
      ...options,
    },
    certificates: { ca: 'CA\n', server: 'SERVER\n', serverKey: 'KEY\n' },
    extraAuthorities: '',
    ...change,
  };
}

/** The host after a plan was carried out. */
export function carriedOut(facts: HostFacts, plan: SetupPlan): HostFacts {
  const files = new Map(facts.files);
  const digests = new Map(facts.digests);
  for (const { path, mode, content } of plan.files) {
    files.set(path, content);
    const sha256 = createHash('sha256').update(content).digest('hex');
    digests.set(path, { sha256, mode: mode.toString(8) });
  }
  for (const path of plan.removed) {
    files.delete(path);
    digests.delete(path);
  }
  return {
    ...facts,
    files,
    digests,
    hostName: plan.hostName ?? facts.hostName,
    serviceEnabled: facts.serviceEnabled || plan.enable,
    engine: facts.engine ?? runningEngine(),
  };
}

/** The content that a plan writes to a file; empty when it does not. */
export function writtenTo(path: string, facts: HostFacts, setup: HostSetup): string {
  return planSetup(facts, setup).files.find((file) => file.path === path)?.content ?? '';
}
