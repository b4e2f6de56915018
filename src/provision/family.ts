import type { OsRelease } from './os-release.ts';

/** Names of the families of systems, each in a file of its own. */
export type FamilyName =
  'debian' | 'redhat' | 'suse' | 'arch' | 'alpine' | 'flatcar' | 'photon' | 'boot2docker';

/** What is known of a host when an engine is to be installed or upgraded. */
export interface PackageHost {
  readonly os: OsRelease;
  /** As `uname -m` says: x86_64, aarch64. */
  readonly architecture: string;
}

/**
 * How one family of systems gets its engine. Scripts are for a POSIX shell and run as root with `set -e`, without input.
 * What they say is shown when they fail.
 */
export interface Family {
  readonly name: FamilyName;
  /** How docker-machine called the provisioner of this system: "Provisioning with debian...". */
  title(os: OsRelease): string;
  /** Installs the engine from signed packages; undefined where the engine is a part of the system. */
  readonly install?: (host: PackageHost) => string;
  /** Brings the engine's packages, and only them, to their newest version; undefined like `install`. */
  readonly upgrade?: (host: PackageHost) => string;
  /** Installs curl, for a host that has neither curl nor wget. */
  readonly installCurl?: string;
  /** Why there is no `install`, and what to do. */
  readonly withoutPackages?: string;
}
