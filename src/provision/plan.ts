import { createHash } from 'node:crypto';
import {
  certificatePaths,
  daemonConfigPath,
  effectOf,
  formatDaemonConfig,
  mergeDaemonConfig,
  parseDaemonConfig,
  requireHarmless,
  sortOptions,
  takenFlags,
} from './daemon-config.ts';
import type { HostFacts } from './facts.ts';
import { hostsWithName } from './host-name.ts';
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
  const certificates = certificateChanges(facts, setup);
  const before = parseDaemonConfig(facts.files.get(daemonConfigPath));
  const after = mergeDaemonConfig(before, setup, { socketActivated: isSocketActivated(facts.unit) });
  const configEffect = effectOf(before, after);
  const service = serviceChanges(facts, setup, takenFlags(after));
  const config =
    configEffect === 'nothing'
      ? []
      : [{ path: daemonConfigPath, mode: 0o644, content: formatDaemonConfig(after) }];
  const needsRestart = certificates.length > 0 || service.length > 0 || configEffect === 'restart';
  const engine =
    facts.engine === undefined ? 'start' : needsRestart ? 'restart' : configEffect;
  return {
    files: [...certificates, ...config, ...service, ...nameChanges(facts, setup.machineName)],
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

function certificateChanges(facts: HostFacts, { certificates }: HostSetup): FileChange[] {
  const wanted: FileChange[] = [
    { path: certificatePaths.ca, mode: 0o644, content: certificates.ca },
    { path: certificatePaths.server, mode: 0o644, content: certificates.server },
    { path: certificatePaths.serverKey, mode: 0o600, content: certificates.serverKey },
  ];
  return wanted.filter((file) => !isThere(facts, file));
}

/** True for a file that the host has with this content, and that is no more open than it should be. */
export function isThere(facts: Pick<HostFacts, 'digests'>, { path, mode, content }: FileChange): boolean {
  const digest = facts.digests.get(path);
  const isSame = digest?.sha256 === createHash('sha256').update(content).digest('hex');
  return isSame && (Number.parseInt(digest.mode, 8) & ~mode) === 0;
}

function serviceChanges(facts: HostFacts, setup: HostSetup, taken: ReadonlySet<string>): FileChange[] {
  const { args } = sortOptions(setup);
  const env = setup.options?.Env ?? [];
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
