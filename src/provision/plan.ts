import { createHash } from 'node:crypto';
import {
  certificatePaths,
  daemonConfigPath,
  effectOf,
  foreignTls,
  formatDaemonConfig,
  mergeDaemonConfig,
  parseDaemonConfig,
  requireHarmless,
  sortOptions,
  takenFlags,
} from './daemon-config.ts';
import { extraAuthorities } from './extra-authorities.ts';
import type { HostFacts } from './facts.ts';
import { hostsWithName } from './host-name.ts';
import { isMachineHost, replacedAuthority } from './replaced-authority.ts';
import { boot2dockerCertificates, profilePath, profileText } from './services/boot2docker.ts';
import { openRcConfig, openRcConfigPath } from './services/openrc.ts';
import type { FileChange, HostSetup, SetupPlan } from './setup.ts';
import { dropInPath, dropInText, isSocketActivated } from './unit.ts';

/**
 * What has to be done to a host with an engine. Pure: the same facts and wishes give the same plan, and none at all
 * for a host that is as it should be.
 * @throws MachineError `engine-conflict` where something of somebody else would be destroyed.
 */
export function planSetup(facts: HostFacts, setup: HostSetup): SetupPlan {
  requireHarmless(facts, setup);
  requireUnusedAuthority(facts, setup);
  return facts.serviceManager === 'boot2docker' ? planBoot2docker(facts, setup) : planDaemon(facts, setup);
}

/**
 * A CA of ours does not take the place of one that somebody has put there by hand and that an engine uses. That of
 * another store it does: a host is taken over by whoever creates a machine of it, as with docker-machine.
 * @throws MachineError `engine-conflict`.
 */
function requireUnusedAuthority(facts: HostFacts, setup: HostSetup): void {
  const config = parseDaemonConfig(facts.files.get(daemonConfigPath));
  const isUsed = config['tlscacert'] === certificatePaths.ca || facts.unit.includes(certificatePaths.ca);
  const replaced = replacedAuthority(facts, setup, certificatePaths);
  if (replaced !== undefined && isUsed && !isMachineHost(facts)) {
    const owner = replaced.owner === '' ? '' : ` (${replaced.owner})`;
    throw foreignTls(
      `${certificatePaths.ca}${owner}`,
      `Or move ${certificatePaths.ca} away on the host, then run the command again: the engine gets the CA of this store.`,
    );
  }
}

function planDaemon(facts: HostFacts, setup: HostSetup): SetupPlan {
  const certificates = certificateChanges(facts, setup, certificatePaths);
  const before = parseDaemonConfig(facts.files.get(daemonConfigPath));
  const after = mergeDaemonConfig(before, setup, { socketActivated: isSocketActivated(facts.unit) });
  const configEffect = effectOf(before, after);
  const service = serviceChanges(facts, setup, takenFlags(after));
  const config =
    configEffect === 'nothing'
      ? []
      : [{ path: daemonConfigPath, mode: 0o644, content: formatDaemonConfig(after) }];
  const trust = trustChanges(facts, setup);
  const needsRestart =
    certificates.length + service.length + trust.files.length + trust.removed.length > 0 ||
    configEffect === 'restart';
  const engine = facts.engine === undefined ? 'start' : needsRestart ? 'restart' : configEffect;
  const replaced = replacedAuthority(facts, setup, certificatePaths);
  return {
    files: [...certificates, ...config, ...trust.files, ...service, ...nameChanges(facts, setup.machineName)],
    removed: trust.removed,
    ...(replaced === undefined ? {} : { replaced }),
    ...(facts.hostName === setup.machineName ? {} : { hostName: setup.machineName }),
    engine,
    enable: !facts.serviceEnabled,
    containers: containersOver(facts, engine),
  };
}

function containersOver(facts: HostFacts, engine: SetupPlan['engine']): SetupPlan['containers'] {
  const running = Math.max(facts.engine?.containersRunning ?? 0, facts.containerProcesses);
  if (engine !== 'restart' || running === 0) {
    return 'none';
  }
  if (facts.engine?.liveRestore === true) {
    return 'kept-already';
  }
  // An engine that is a node of a swarm refuses to start with live-restore.
  return facts.engine?.swarmActive === true ? 'restarted' : 'keep';
}

/** boot2docker and our image: everything stands in the profile, and the names of files are others. */
function planBoot2docker(facts: HostFacts, setup: HostSetup): SetupPlan {
  const sorted = sortOptions(setup);
  // Our image was given such a label by whoever made the machine, and an engine takes one value of a name.
  const labels = sorted.labels.filter((label) => !facts.takesCertificates || !label.startsWith('provider='));
  const present = facts.files.get(profilePath) ?? '';
  const content = profileText(present, {
    args: [
      ...labels.map((label) => `--label=${label}`),
      ...sorted.insecureRegistries.map((registry) => `--insecure-registry=${registry}`),
      ...sorted.registryMirrors.map((mirror) => `--registry-mirror=${mirror}`),
      ...sorted.args,
    ],
    env: extraAuthorities(facts, setup).env,
    enginePort: setup.enginePort,
    storageDriver: sorted.storageDriver,
  });
  const profile = content === present ? [] : [{ path: profilePath, mode: 0o644, content }];
  const certificates = certificateChanges(facts, setup, boot2dockerCertificates);
  const handsOver = facts.takesCertificates && certificates.length > 0;
  const trust = trustChanges(facts, setup);
  const needsRestart =
    profile.length + trust.files.length + trust.removed.length > 0 || (certificates.length > 0 && !handsOver);
  const engine = needsRestart ? 'restart' : 'nothing';
  const replaced = replacedAuthority(facts, setup, boot2dockerCertificates);
  return {
    files: [...trust.files, ...profile, ...(handsOver ? [] : certificates)],
    removed: trust.removed,
    ...(replaced === undefined ? {} : { replaced }),
    ...(handsOver ? { handOver: handOverText(setup) } : {}),
    ...(facts.hostName === setup.machineName ? {} : { hostName: setup.machineName }),
    engine,
    enable: false,
    containers: containersOver(facts, engine),
  };
}

function handOverText({ certificates }: HostSetup): string {
  const parts = {
    'ca.pem': certificates.ca,
    'server.pem': certificates.server,
    'server-key.pem': certificates.serverKey,
  };
  const files = Object.entries(parts).map(([name, text]) => `file ${name}\n${text.trimEnd()}\n`);
  return `${files.join('')}end\n`;
}

function certificateChanges(
  facts: HostFacts,
  { certificates }: HostSetup,
  paths: typeof certificatePaths | typeof boot2dockerCertificates,
): FileChange[] {
  const wanted: FileChange[] = [
    { path: paths.ca, mode: 0o644, content: certificates.ca },
    { path: paths.server, mode: 0o644, content: certificates.server },
    { path: paths.serverKey, mode: 0o600, content: certificates.serverKey },
  ];
  return wanted.filter((file) => !isThere(facts, file));
}

/** True for a file that the host has with this content, and that is no more open than it should be. */
export function isThere(facts: Pick<HostFacts, 'digests'>, { path, mode, content }: FileChange): boolean {
  const digest = facts.digests.get(path);
  const isSame = digest?.sha256 === createHash('sha256').update(content).digest('hex');
  return isSame && (Number.parseInt(digest.mode, 8) & ~mode) === 0;
}

/** The engine reads them once, so each change needs a restart of it. */
function trustChanges(facts: HostFacts, setup: HostSetup): Pick<SetupPlan, 'files' | 'removed'> {
  const { path, content } = extraAuthorities(facts, setup);
  if (content === '') {
    return { files: [], removed: facts.digests.has(path) ? [path] : [] };
  }
  const file = { path, mode: 0o644, content };
  return { files: isThere(facts, file) ? [] : [file], removed: [] };
}

function serviceChanges(facts: HostFacts, setup: HostSetup, taken: ReadonlySet<string>): FileChange[] {
  const { args } = sortOptions(setup);
  const { env } = extraAuthorities(facts, setup);
  if (facts.serviceManager === 'openrc') {
    const present = facts.files.get(openRcConfigPath) ?? '';
    const content = openRcConfig(present, { args, env });
    return content === present ? [] : [{ path: openRcConfigPath, mode: 0o644, content }];
  }
  const { unit, environmentFiles } = facts;
  const content = dropInText({ unit, environmentFiles, taken, args, env });
  return facts.files.get(dropInPath) === content ? [] : [{ path: dropInPath, mode: 0o644, content }];
}

function nameChanges(facts: HostFacts, name: string): FileChange[] {
  const changes: FileChange[] = [];
  if ((facts.files.get('/etc/hostname') ?? '').trim() !== name) {
    changes.push({ path: '/etc/hostname', mode: 0o644, content: `${name}\n` });
  }
  const hosts = facts.files.get('/etc/hosts') ?? '';
  const named = hostsWithName(hosts, name);
  return named === hosts ? changes : [...changes, { path: '/etc/hosts', mode: 0o644, content: named }];
}
