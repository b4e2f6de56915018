import { MachineError } from '../core/errors.ts';
import { alpine } from './families/alpine.ts';
import { arch } from './families/arch.ts';
import { boot2docker } from './families/boot2docker.ts';
import { debian } from './families/debian.ts';
import { flatcar } from './families/flatcar.ts';
import { photon } from './families/photon.ts';
import { isImageBased, redhat } from './families/redhat.ts';
import { suse } from './families/suse.ts';
import type { Family } from './family.ts';
import type { OsRelease } from './os-release.ts';

/** Families by the ID of os-release. What is not listed is found by ID_LIKE. */
const byId: Readonly<Record<string, Family>> = {
  debian,
  ubuntu: debian,
  raspbian: debian,
  fedora: redhat,
  rhel: redhat,
  centos: redhat,
  rocky: redhat,
  almalinux: redhat,
  ol: redhat,
  amzn: redhat,
  suse,
  sles: suse,
  opensuse: suse,
  'opensuse-leap': suse,
  'opensuse-tumbleweed': suse,
  arch,
  archarm: arch,
  alpine,
  flatcar,
  photon,
  boot2docker,
};

/**
 * The family of a system: by its ID, else by the first of its ID_LIKE that is known.
 * @throws MachineError `system-unsupported`.
 */
export function detectFamily(os: OsRelease): Family {
  const id = [os.id, ...os.idLike].find((one) => Object.hasOwn(byId, one));
  const family = id === undefined ? undefined : byId[id];
  if (family === undefined) {
    throw new MachineError('system-unsupported', `The system of the host is not known: ${describe(os)}.`, {
      why: `Known are: ${Object.keys(byId).sort().join(', ')}, and systems that name one of them in ID_LIKE.`,
      remedies: [
        'Set up an engine with TLS there yourself, and use it with: tsmachine create -d none --url tcp://HOST:2376 NAME',
      ],
    });
  }
  return isImageBased({ os }) ? flatcar : family;
}

/**
 * What installs the engine from packages, and the IDs of the systems for which it does. Versions are not told apart here:
 * package managers know their own.
 */
export function packagedSystems(): ReadonlyMap<string, readonly string[]> {
  const systems = new Map<string, string[]>();
  for (const [id, { install }] of Object.entries(byId)) {
    const os = { id, idLike: [], versionId: '', variantId: '', prettyName: id };
    const script = install?.({ os, architecture: '' });
    if (script !== undefined) {
      systems.set(script, [...(systems.get(script) ?? []), id]);
    }
  }
  return systems;
}

function describe(os: OsRelease): string {
  const like = os.idLike.length === 0 ? '' : `, ID_LIKE=${os.idLike.join(' ')}`;
  return os.id === '' ? 'it has no /etc/os-release with an ID' : `${os.prettyName} (ID=${os.id}${like})`;
}
