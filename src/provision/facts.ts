import { MachineError } from '../core/errors.ts';
import { boot2dockerExtraAuthoritiesPath, extraAuthoritiesPath } from './extra-authorities.ts';
import { parseOsRelease, type OsRelease } from './os-release.ts';
import { renewProgram } from './services/boot2docker.ts';
import { parseSections, sectionFunction } from './sections.ts';

/** A file of the host of which only the content's digest is known. */
export interface RemoteDigest {
  /** Lower-case hex. */
  readonly sha256: string;
  /** As `stat -c %a` says: `600`. */
  readonly mode: string;
}

/** An engine that answers on the host's own socket. */
export interface RunningEngine {
  readonly version: string;
  readonly storageDriver: string;
  readonly containersRunning: number;
  readonly hasData: boolean;
  readonly liveRestore: boolean;
  readonly swarmActive: boolean;
}

/** What starts services on the host. */
export type ServiceManagerName = 'systemd' | 'openrc' | 'boot2docker' | 'none';

/** Everything that is asked of a host before anything is done to it. */
export interface HostFacts {
  readonly isRoot: boolean;
  readonly userName: string;
  readonly hasSudo: boolean;
  readonly os: OsRelease;
  readonly architecture: string;
  readonly hostName: string;
  readonly serviceManager: ServiceManagerName;
  /** Path of dockerd on PATH, if it is there. */
  readonly enginePath: string | undefined;
  /** `systemctl cat docker.service`; empty without such a unit. */
  readonly unit: string;
  /** The unit's EnvironmentFile files that exist, their contents by path. */
  readonly environmentFiles: ReadonlyMap<string, string>;
  readonly serviceEnabled: boolean;
  readonly engine: RunningEngine | undefined;
  /** Containers that run, also when the engine itself does not answer. */
  readonly containerProcesses: number;
  /** Storage drivers whose directories below /var/lib/docker hold something. */
  readonly storageWithData: readonly string[];
  readonly files: ReadonlyMap<string, string>;
  readonly digests: ReadonlyMap<string, RemoteDigest>;
  /** A firewall that is active: `firewalld`, `ufw`. */
  readonly firewall: string | undefined;
  /** What fetches from a URL that does not stand in its command line; the wget of busybox cannot. */
  readonly downloader: 'curl' | 'wget' | undefined;
  /** Our image: certificates are handed over to a program of it. */
  readonly takesCertificates: boolean;
}

/** Files that are read whole where they exist. */
export const readPaths = [
  '/etc/docker/daemon.json',
  '/etc/docker/ca.pem',
  '/etc/systemd/system/docker.service.d/10-machine.conf',
  '/etc/conf.d/docker',
  '/etc/hostname',
  '/etc/hosts',
  '/var/lib/boot2docker/profile',
  '/var/lib/boot2docker/ca.pem',
] as const;

/** Files of which the digest is taken: they hold keys, or are compared only. */
export const digestPaths = [
  '/etc/docker/ca.pem',
  '/etc/docker/server.pem',
  '/etc/docker/server-key.pem',
  '/var/lib/boot2docker/ca.pem',
  '/var/lib/boot2docker/server.pem',
  '/var/lib/boot2docker/server-key.pem',
  extraAuthoritiesPath,
  boot2dockerExtraAuthoritiesPath,
] as const;

const infoFormat =
  '{"version":{{json .ServerVersion}},"driver":{{json .Driver}},"running":{{.ContainersRunning}},' +
  '"containers":{{.Containers}},"images":{{.Images}},"liveRestore":{{.LiveRestoreEnabled}},' +
  '"swarm":{{json .Swarm.LocalNodeState}}}';

/** A script that reads and never changes anything, and answers everything at once. */
export function gatherScript(token: string): string {
  return `
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH
${sectionFunction(token)}
section id; id -u
section user; id -un
section sudo; command -v sudo
section os
if [ -r /etc/os-release ]; then cat /etc/os-release; else cat /usr/lib/os-release 2>/dev/null; fi
section architecture; uname -m
section hostname; uname -n
section manager
if [ -d /run/systemd/system ]; then echo systemd
elif [ -x /etc/init.d/docker ] && [ -d /var/lib/boot2docker ]; then echo boot2docker
elif command -v rc-service >/dev/null 2>&1; then echo openrc
else echo none; fi
section engine-path; command -v dockerd
section downloader
if command -v curl >/dev/null 2>&1; then echo curl
elif wget --help 2>&1 | grep -q -e --input-file; then echo wget; fi
if [ -d /run/systemd/system ]; then
  section unit; systemctl --no-pager cat docker.service 2>/dev/null
  section enabled; systemctl is-enabled docker.service 2>/dev/null
  systemctl show docker.service -p EnvironmentFiles --value 2>/dev/null | sed 's/ (ignore_errors=.*//' |
    while read -r file; do
      if [ -r "$file" ]; then section "environment $file"; cat "$file"; fi
    done
elif command -v rc-update >/dev/null 2>&1; then
  section enabled; rc-update show default 2>/dev/null | grep -w docker
fi
section renew; if [ -x ${renewProgram} ]; then echo yes; fi
section shims; grep -l '^containerd-shim' /proc/[0-9]*/comm 2>/dev/null
section storage
for directory in overlay2 aufs btrfs devicemapper fuse-overlayfs overlay vfs zfs; do
  if [ -n "$(ls -A "/var/lib/docker/$directory" 2>/dev/null | grep -v '^l$')" ]; then echo "$directory"; fi
done
section info
if command -v docker >/dev/null 2>&1 && [ -S /var/run/docker.sock ]; then
  limit=; if command -v timeout >/dev/null 2>&1; then limit='timeout 20'; fi
  env -u DOCKER_HOST -u DOCKER_CONTEXT -u DOCKER_TLS_VERIFY $limit docker info --format '${infoFormat}' 2>/dev/null
fi
for file in ${readPaths.join(' ')}; do
  if [ -r "$file" ]; then section "file $file"; cat "$file"; fi
done
for file in ${digestPaths.join(' ')}; do
  if [ -r "$file" ]; then section "digest $file"; sha256sum "$file"; stat -c %a "$file"; fi
done
section firewall
if command -v firewall-cmd >/dev/null 2>&1 && firewall-cmd --state >/dev/null 2>&1; then echo firewalld
elif command -v ufw >/dev/null 2>&1 && ufw status 2>/dev/null | grep -q '^Status: active'; then echo ufw; fi
section end
exit 0
`;
}

/**
 * Reads the answer of gatherScript.
 * @throws MachineError `provision-failed` when it is not whole.
 */
export function parseFacts(output: string, token: string): HostFacts {
  const sections = parseSections(output, token);
  if (!sections.has('end')) {
    throw new MachineError('provision-failed', 'The host did not answer what it was asked about itself.', {
      why: `The answer ends with: ${JSON.stringify(output.slice(-200))}`,
      remedies: ['See what the host prints when you log in: its start files must not end a session early.'],
    });
  }
  const line = (name: string): string => (sections.get(name) ?? '').trim();
  return {
    isRoot: line('id') === '0',
    userName: line('user'),
    hasSudo: line('sudo') !== '',
    os: parseOsRelease(sections.get('os') ?? ''),
    architecture: line('architecture'),
    hostName: line('hostname'),
    serviceManager: managerOf(line('manager')),
    enginePath: line('engine-path') || undefined,
    unit: sections.get('unit')?.trim() ?? '',
    environmentFiles: prefixed(sections, 'environment '),
    // A unit without an [Install] part cannot be enabled; something else starts it.
    serviceEnabled: /^(?:enabled|static|alias|generated)|\bdocker\b/.test(line('enabled')),
    engine: parseInfo(line('info')),
    containerProcesses: countLines(line('shims')),
    storageWithData: line('storage').split('\n').filter(Boolean),
    files: prefixed(sections, 'file '),
    digests: digestsOf(prefixed(sections, 'digest ')),
    firewall: line('firewall') || undefined,
    downloader: downloaderOf(line('downloader')),
    takesCertificates: line('renew') === 'yes',
  };
}

function managerOf(text: string): ServiceManagerName {
  return text === 'systemd' || text === 'openrc' || text === 'boot2docker' ? text : 'none';
}

function downloaderOf(text: string): HostFacts['downloader'] {
  return text === 'curl' || text === 'wget' ? text : undefined;
}

function prefixed(sections: ReadonlyMap<string, string>, prefix: string): Map<string, string> {
  const found = [...sections].filter(([name]) => name.startsWith(prefix));
  return new Map(found.map(([name, text]) => [name.slice(prefix.length), text]));
}

function countLines(text: string): number {
  return text === '' ? 0 : text.split('\n').length;
}

function digestsOf(texts: ReadonlyMap<string, string>): Map<string, RemoteDigest> {
  const digests = new Map<string, RemoteDigest>();
  for (const [file, text] of texts) {
    const match = /^\\?([0-9a-f]{64})\s.*\n([0-7]{3,4})\s*$/.exec(text);
    if (match !== null) {
      digests.set(file, { sha256: match[1] ?? '', mode: match[2] ?? '' });
    }
  }
  return digests;
}

/** What the engine said of itself; undefined when it said nothing. It answers `info` also without a daemon, with nulls. */
function parseInfo(text: string): RunningEngine | undefined {
  let info: unknown;
  try {
    info = JSON.parse(text.split('\n').at(-1) ?? '');
  } catch {
    return undefined;
  }
  if (typeof info !== 'object' || info === null) {
    return undefined;
  }
  const value = info as Readonly<Record<string, unknown>>;
  const version = value['version'];
  if (typeof version !== 'string' || version === '') {
    return undefined;
  }
  return {
    version,
    storageDriver: typeof value['driver'] === 'string' ? value['driver'] : '',
    containersRunning: Number(value['running']) || 0,
    hasData: Number(value['images']) > 0 || Number(value['containers']) > 0,
    liveRestore: value['liveRestore'] === true,
    swarmActive: value['swarm'] === 'active' || value['swarm'] === 'locked',
  };
}
